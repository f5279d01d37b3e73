"""Experiments as a person makes them: struck, undone, judged, and nothing left."""

from __future__ import annotations

import json

import pytest

from dsl.chaos.reading import parse_experiment
from mandate.work.chaos.conduct import Conduct
from mandate.work.chaos.journal import Journal, write
from mandate.work.chaos.run import is_good
from mandate.work.chaos.table import rows_of, told

KILLED = """\
name: worker-killed
runs: 8
method: [{fault: worker-death, when: {phase: each}}]
"""


async def made(arena, text: str, name: str, seed: int = 1) -> Journal:
    experiment = parse_experiment(text, f"{name}.yaml")
    return await Conduct(arena, experiment, seed, name).conduct()


def story(journal: Journal) -> str:
    return "\n".join(map(str, [*rows_of([journal]), *told(journal)]))


@pytest.mark.timeout(300)
async def test_a_worker_that_is_killed_in_each_phase_costs_no_run_and_no_rule(arena, tmp_path):
    journal = await made(arena, KILLED, "killed")
    write(tmp_path / "journal.jsonl", [journal], {"commit": "c"})
    facts, kept = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())

    assert is_good(journal), story(journal)
    assert [record.fired for record in journal.faults] == [True]
    assert len({run.place.partition("/")[2] for run in journal.runs}) == 8
    assert all(run.recovered_ms is not None for run in journal.runs)
    assert {*journal.runs[0].outputs["python"]} == {"alpha", "beta", "gamma"}
    assert (facts["commit"], kept["well"], len(kept["runs"])) == ("c", True, 8)
