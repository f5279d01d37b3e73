"""What outputs say is read where the command runs, and only else as the run tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsl.limits import HEADS_MAX
from dsl.values.canonical import digest_of
from integrations.artifacts.store import Artifacts
from mandate.people.gates.contents import Contents, brief_lines, output_lines, read_contents
from mandate.people.gates.rows import GateRow, read_rows
from tests.unit.mandate.people.test_rows import row

LIE = {"state": "text", "lines": ["nothing to see"], "is_cut": False}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    Artifacts(tmp_path / "artifacts")
    return {"MANDATE_ARTIFACTS": str(tmp_path / "artifacts")}


def asked(*outputs: dict[str, Any]) -> GateRow:
    """A gate that approves these outputs of the stage ``look``."""
    told = [{"stage": "look", "phase": "EXECUTE", "media_type": "text/x", **o} for o in outputs]
    subject = {"look": {each["name"]: each["digest"] for each in told}}
    (found,) = read_rows([row(subject=subject, subject_digest=digest_of(subject), outputs=told)])
    return found


def kept(env: dict[str, str], name: str, data: bytes, **told: Any) -> dict[str, Any]:
    digest = Artifacts(Path(env["MANDATE_ARTIFACTS"])).put(data).digest
    return {"name": name, "digest": digest, "size": 1, **told}


def lines(env: dict[str, str], gate: GateRow) -> list[str]:
    return list(output_lines("run-1", gate, read_contents(env, gate)))


def test_a_run_cannot_say_what_its_outputs_say(env: dict[str, str]):
    gate = asked(kept(env, "plan.txt", b"delete everything\n", head=LIE))

    digest = gate.outputs[0].digest
    assert lines(env, gate) == [
        f"output   look: plan.txt  text/x, 18 bytes  {digest}",
        "  | delete everything",
        f"heads    read here in {env['MANDATE_ARTIFACTS']}, each by its hash",
    ]


def test_what_is_not_found_here_is_shown_as_the_run_tells_it_and_that_is_said(env: dict[str, str]):
    here = kept(env, "a", b"one")
    there = {"name": "b", "digest": "sha256:" + "0" * 64, "size": 4, "head": LIE}
    shown = lines(env, asked(here, there))

    assert "  | nothing to see" in shown
    assert shown[-1] == (
        f"heads    1 of 2 are in {env['MANDATE_ARTIFACTS']}, read by their hash; the others are as "
        "the run tells them"
    )


def test_without_a_store_it_is_said_where_one_was_looked_for(tmp_path: Path):
    env = {"MANDATE_ARTIFACTS": str(tmp_path / "none")}
    shown = lines(env, asked({"name": "b", "digest": "sha256:" + "0" * 64, "head": LIE}))

    assert shown[-1].startswith("heads    as the run tells them; there is no artefact store at ")
    assert "set MANDATE_ARTIFACTS" in shown[-1]
    assert not (tmp_path / "none").exists()


def test_a_cut_head_comes_with_the_line_that_shows_the_whole(env: dict[str, str]):
    shown = lines(env, asked(kept(env, "long.txt", b"x\n" * 100)))

    assert "  the whole: mandate artifact show run-1/look long.txt" in shown


def test_every_output_is_named_and_few_have_a_head(env: dict[str, str]):
    outputs = [kept(env, f"o{n}.txt", f"text {n}".encode()) for n in range(50)]
    shown = lines(env, asked(*outputs))

    assert len([line for line in shown if line.startswith("output ")]) == 50
    assert len([line for line in shown if line.startswith("  | ")]) == HEADS_MAX
    brief = list(brief_lines(asked(*outputs)))
    assert brief[-1] == "         and 47 more"


def test_an_output_that_nobody_described_is_named_with_its_digest():
    (gate,) = read_rows([row()])

    assert list(output_lines("run-1", gate, Contents())) == [
        f"output   plan: plan.json  {gate.subject['plan']['plan.json']}"
    ]
