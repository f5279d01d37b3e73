"""What a stranger hands to commands that verify: one sentence, an exit code, nothing written."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.client import WorkflowHistory

from dsl.rules.ledger.note import NoteKey
from integrations.ledger.evidence.bundle import BUNDLE_BYTES_MAX
from integrations.ledger.ledger import Ledger
from integrations.ledger.tree.proof import PROOF_BYTES_MAX
from mandate.people.errors import UsageError
from mandate.work.look import evidence, ledger_proofs
from mandate.work.look.deep_replay import deep_replay
from mandate.work.look.ledger import keys
from mandate.work.look.ledger_anchors import keys_of
from mandate.work.look.replay import read_history
from tests.integration.ledger.drafts import intruder
from tests.replay.record import file_of
from tests.unit.mandate.programs import ROOT

KEY = str(NoteKey("ours", Ed25519PrivateKey.generate().public_key().public_bytes_raw()))
BAD = {
    "empty": b"",
    "half": b'{"kind": "mandate.evi',
    "bytes": b"\xde\xad",
    "list": b"[]",
    "nothing": b"{}",
    "deep": b"[" * 100_000,
    "twice": b'{"kind": "a", "kind": "b"}',
    "nan": b'{"kind": NaN}',
    "float": b'{"kind": 1.5e300, "files": 1e400, "envelope": 0.1}',
    "non-bmp": '{"kind": "\U0001f600", "\U0001f600": {}, "envelope": {}, "files": {}}'.encode(),
    "half-pair": b'{"kind": "\\ud83d", "files": {}, "envelope": {}}',
    "future": b'{"kind": "mandate.evidence/v9", "files": {}, "envelope": {}}',
    "huge": b" " * (max(BUNDLE_BYTES_MAX, PROOF_BYTES_MAX) + 1),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_evidence_and_no_proof_is_said_in_a_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "it.json"
    file.write_bytes(BAD[name])

    codes = [
        evidence.verify(file, [KEY], as_json=False),
        ledger_proofs.verify_proof(file, [KEY]),
    ]
    said = capsys.readouterr()

    assert codes == [1, 2]
    assert len(said.out.splitlines()) == len(said.err.splitlines()) == 1, said
    assert f"{file}: this is no evidence: " in said.out
    assert f"{file} is no proof: " in said.err
    assert [each.name for each in tmp_path.iterdir()] == ["it.json"]


@pytest.mark.parametrize("name", ["half", "bytes", "list", "nothing", "deep", "half-pair"])
def test_the_verifier_that_stands_alone_says_so_in_a_line_as_well(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / "it.json"
    file.write_bytes(BAD[name])
    words = [sys.executable, "-I", str(ROOT / "docs" / "verify_evidence.py"), str(file), KEY]

    said = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("REFUSED: this is no")
    assert len(said.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no key"),
        (" \n", "holds no key"),
        ("nonsense", "expected a key NAME"),
        (KEY[:-8], "expected"),
        (f"x{KEY}", "is not the one its id"),
    ],
    ids=["empty", "blank", "nonsense", "cut", "renamed"],  # a key is another in each process
)
def test_a_file_of_keys_that_holds_none_is_not_as_if_nobody_had_asked(
    text: str, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text(text)

    with pytest.raises(UsageError, match=why):
        keys_of([KEY, str(file)])


def test_what_cannot_be_exported_whole_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, ledger, other = tmp_path / "out", tmp_path / "ledger.db", tmp_path / "other.db"
    with Ledger(ledger):
        pass
    with intruder(ledger) as connection:
        connection.execute("DROP TRIGGER ledger_chain")
        connection.execute(
            "INSERT INTO ledger VALUES (0, '2026-01-01T00:00:00.000000Z', 'k', 'w', 'r', 'a', "
            "'T1', 'run.started', '{\"\U0001f600\":1e400}', zeroblob(32), zeroblob(32))"
        )
    sqlite3.connect(other).close()

    for each, code in ((ledger, 1), (other, 1), (tmp_path / "none.db", 2)):
        assert ledger_proofs.export(each, folder) == code
        assert not folder.exists()
    assert len(capsys.readouterr().err.splitlines()) == 3


def events(*numbers: object, start: int = 1) -> dict[str, Any]:
    told = [
        {"eventId": str(number), "eventType": "EVENT_TYPE_WORKFLOW_TASK_SCHEDULED"}
        for number in numbers
    ]
    began = {
        "eventId": str(start),
        "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
        "workflowExecutionStartedEventAttributes": {"originalExecutionRunId": "r"},
    }
    return {"events": [began, *told]}


def begun() -> dict[str, Any]:
    """Return a history whose workflow tasks were cut out, and the rest numbered anew."""
    told = events(2, 3)
    kinds = ("WORKFLOW_TASK_STARTED", "TIMER_STARTED")
    for event, kind in zip(told["events"][1:], kinds, strict=True):
        event["eventType"] = f"EVENT_TYPE_{kind}"
    return told


@pytest.mark.parametrize(
    ("history", "why"),
    [
        ({"events": events(1)["events"][1:]}, "its first event is not the start"),
        (events(3), "expected event 2 at place 2, got event 3"),
        (events(2, 2), "expected event 3 at place 3, got event 2"),
        (events(start=0), "expected event 1 at place 1, got event 0"),
        (events("abc"), "is no history"),
        (begun(), "expected how the workflow task of event 2 ended at place 3, got TIMER_STARTED"),
    ],
    ids=["no-start", "left-out", "twice", "unnumbered", "no-number", "unended"],
)
def test_a_history_that_no_server_has_written_is_refused_before_it_is_replayed(
    history: dict[str, Any], why: str, tmp_path: Path
) -> None:
    file = tmp_path / "h.json"
    file.write_text(json.dumps(history))

    with pytest.raises(UsageError, match=why):
        read_history(file)


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ("h1", "temporal workflow show -w h1 -o json > h1.json"),
        ("h1.json", "temporal workflow show -w h1 -o json > h1.json"),
        ("pipeline/a/1", "temporal workflow show -w pipeline/a/1 -o json > pipeline__a__1.json"),
    ],
)
def test_where_a_run_is_named_for_a_history_the_line_that_makes_one_is_given(
    named: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError) as refused:
        read_history(Path(named))
    assert str(refused.value) == (
        f"{named}: expected a file with a history, and none is there: {line}"
    )


async def test_a_run_that_waits_for_its_first_task_has_nothing_to_replay() -> None:
    history = WorkflowHistory.from_json("later", events())

    assert await deep_replay(history) == []


@pytest.mark.parametrize("name", ["approved/publish", "revocation/nobody"])
async def test_a_history_of_no_workflow_of_this_code_is_said_to_be_one(name: str) -> None:
    text = file_of(name).read_text()
    kind = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]["workflowType"]
    history = WorkflowHistory.from_json(name, text.replace(f'"{kind["name"]}"', '"Nosuch"'))

    assert await deep_replay(history) == ["this code has no workflow 'Nosuch'"]


def test_no_ledger_is_another_matter_than_one_without_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no stack is beside it
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    there, gone = tmp_path / "ledger.sqlite", tmp_path / "gone.sqlite"
    Ledger(there).close()

    codes = [keys(each, (), data_dir=None) for each in (there, gone)]
    said = capsys.readouterr().err.splitlines()

    assert codes == [1, 2]
    assert said[-2:-1] == ["no anchor names a key yet"]
    assert said[-1].startswith(f"mandate ledger keys: there is no ledger at {gone}: ")
