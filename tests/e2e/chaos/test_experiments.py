"""Experiments as a person makes them: struck, undone, judged, and nothing left."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dsl.chaos.reading import parse_experiment
from integrations.chaos import agents as programs
from mandate.work.chaos.conduct import Conduct
from mandate.work.chaos.ground.arena import find_faketime
from mandate.work.chaos.journal import Journal, write
from mandate.work.chaos.run import outcome
from mandate.work.chaos.seen.judging import judged
from mandate.work.chaos.table import rows_of, told
from tests.e2e.chaos.touched import watched

KILLED = """\
name: worker-killed
runs: 8
method: [{fault: worker-death, when: {phase: each}}]
"""
CLOCKS = """\
name: other-clocks
runs: 3
method:
  - {fault: clock-skew, when: {phase: EXECUTE}}
  - {fault: budget-spent, target: typescript, when: {phase: EXECUTE}}
  - {fault: tool-answer-lost, when: {phase: EXECUTE}}
"""


async def made(arena, text: str, name: str, seed: int = 1) -> Journal:
    experiment = parse_experiment(text, f"{name}.yaml")
    return await Conduct(arena, experiment, seed, name).conduct()


def story(journal: Journal) -> str:
    return "\n".join(map(str, [*rows_of([journal]), *told(journal)]))


@pytest.mark.timeout(300)
async def test_a_worker_that_is_killed_in_each_phase_costs_no_run_and_no_rule(
    arena, tmp_path, monkeypatch
):
    async with watched(arena, monkeypatch) as touched:
        journal = await made(arena, KILLED, "killed")
    write(tmp_path / "journal.jsonl", [journal], {"commit": "c"})
    facts, kept = map(json.loads, (tmp_path / "journal.jsonl").read_text().splitlines())

    assert outcome(journal) == 0, story(journal)
    assert [record.fired for record in journal.faults] == [True]
    assert len({run.place.partition("/")[2] for run in journal.runs}) == 8
    assert all(run.recovered_ms is not None for run in journal.runs)
    assert {*journal.runs[0].outputs["python"]} == {"alpha", "beta", "gamma"}
    assert (facts["commit"], kept["well"], len(kept["runs"])) == ("c", True, 8)
    # Its own processes and loopback, and nothing else.
    assert len(touched.signalled) == 1
    assert touched.strangers == set()
    assert "127.0.0.1" in touched.addresses
    assert touched.elsewhere == []


@pytest.mark.timeout(300)
async def test_a_wrong_clock_a_spent_budget_and_a_lost_answer_cost_no_run(arena):
    conduct = Conduct(arena, parse_experiment(CLOCKS, "clocks.yaml"), 1, "clocks")
    journal = await conduct.conduct()
    clock, spent, lost = journal.faults
    ids = [run.id for run in conduct.runs]

    assert outcome(journal) == 0, story(journal)
    assert len(clock.struck) == 3, clock.note
    assert [run.clarified for run in journal.runs if run.id in spent.struck] == [1] * 3
    assert "CLARIFIED" in story(journal)
    assert sorted(lost.struck) == ids, lost.note
    assert {arena.register.order_for(run).suffix for run in ids} == {".note", ".publish"}

    # What reached the server is judged.
    with arena.register.reached["register/publish"].open("a") as kept:
        kept.write(json.dumps({"run": ids[0], "objective": "another"}) + "\n")
    found = await judged(arena, conduct.runs)

    assert ["reach register/publish" in each for each in found] == [True], found


def test_an_agent_begins_again_under_libfaketime_where_it_is_at_hand(tmp_path):
    library = find_faketime()
    if library is None:
        pytest.skip("libfaketime is not at hand: Debian has it as package faketime")
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / "r~python").write_text(f"skew {library}")
    steps = {"objective": "o", "steps": 2, "workspace": str(tmp_path)}
    request = {"run": "r/python", "stage": "python", "input": steps, "prior": {}}
    program = Path(programs.__file__).with_name("chaos_agent.py")
    told = subprocess.run(
        [sys.executable, str(program)],
        input=f"{json.dumps(request)}\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    said = [json.loads(line) for line in told.stdout.splitlines()]

    assert said[-1]["output"] == {"objective": "o", "skewed": True}
    assert said[0]["at"] > time.time() + 300 * 24 * 3_600


def test_an_agent_that_begins_again_keeps_a_request_longer_than_a_pipe_takes(tmp_path):
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / "r~python").write_text(f"skew {tmp_path / 'no-such-library.so'}")
    steps = {"objective": "o" * 200_000, "steps": 1, "workspace": str(tmp_path)}
    request = {"run": "r/python", "stage": "python", "input": steps, "prior": {}}
    told = subprocess.run(
        [sys.executable, str(Path(programs.__file__).with_name("chaos_agent.py"))],
        input=f"{json.dumps(request)}\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        timeout=60,
    )

    assert json.loads(told.stdout.splitlines()[-1])["output"]["objective"] == steps["objective"]
