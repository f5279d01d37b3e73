"""What is told of experiments: the table, the page and the journal, and which of them went well."""

from __future__ import annotations

import json
import re

from dsl.core import ChaosCondition
from mandate._entry import EXIT_FAILED
from mandate.work.chaos.journal import (
    FaultRecord,
    Journal,
    PlannedFault,
    RunRecord,
    unexpected,
    write,
)
from mandate.work.chaos.page import write_page
from mandate.work.chaos.run import EXIT_UNJUDGED, exit_code, outcome
from mandate.work.chaos.table import BEGINS, ENDS, markdown, rows, rows_of, told, write_table

EVIL = "<script>alert(1)</script>\x1b[2J"


def journal(
    fault: ChaosCondition = ChaosCondition.WORKER_DEATH, *, fired: bool = True, **run: object
) -> Journal:
    place = "python/EXECUTE"
    planned = PlannedFault(0, fault, "worker", True, 0, 0, (place, place))
    struck = ["x-0", "x-1"] if fired else []
    record = FaultRecord(planned, at_ms=2_000, until_ms=3_000, struck=struck, undone=True)
    told_of = {"status": "completed", "objective": True, **run}
    phases = {"python": [("BOOTSTRAP", 1_500), ("EXECUTE", 3_500)]}
    outputs = {"python": {"alpha": 1, "beta": 2}}
    runs = [
        RunRecord(
            f"x-{number}",
            place,
            detail="",
            began_ms=1_000,
            ended_ms=5_000,
            recovered_ms=500 + number,
            phases=phases,
            outputs=outputs,
            **told_of,  # type: ignore[arg-type]
        )
        for number in range(2)
    ]
    made = Journal("x", 1, "c", 1_000, 6_000, faults=[record], runs=runs)
    made.violations = unexpected(runs, made.faults)
    return made


def test_a_row_counts_runs_that_were_struck_and_what_became_of_them():
    (row,) = rows([journal(), journal(status="failed"), journal(fired=False)])

    assert (row.fault, row.phase, row.runs, row.fired) == ("worker-death", "EXECUTE", 6, 4)
    assert (row.completed, row.violations) == (4, 2)
    assert row.cells()[-2:] == ("0.50 s", "0.50 s")


def test_a_fault_counts_for_the_runs_that_it_was_seen_to_strike():
    one = journal(ChaosCondition.RUN_CANCELLED, status="failed")
    one.faults[0].struck = ["x-1"]
    one.violations = unexpected(one.runs, one.faults)

    (row,) = rows([one])
    assert (row.runs, row.fired) == (2, 1)
    assert [each for each in one.violations if "x-1" in each] == []  # it may end so
    assert [each.split(", found")[0] for each in one.violations] == [
        "ending: expected x-0 to complete"
    ]


def test_a_violation_is_of_the_run_that_it_names_and_of_no_other():
    one = journal()
    one.runs[1].id = "x-01"
    one.violations = ["ending: expected x-0 to complete", "leases: x-01/python, x-01x, a-x-0"]

    assert [row.violations for row in rows([one])] == [2]
    one.violations = ["leases: x-01/python", "x-012", "ax-01"]
    assert [row.violations for row in rows([one])] == [1]


def test_an_experiment_is_good_only_when_all_of_it_is():
    assert outcome(journal()) == 0
    assert outcome(journal(fired=False)) == EXIT_FAILED
    assert outcome(journal(status="failed")) == EXIT_FAILED
    assert outcome(journal(objective=False)) == EXIT_FAILED
    assert (
        outcome(journal(ChaosCondition.RUN_TERMINATED, status="terminated", objective=False)) == 0
    )
    unsteady = journal()
    unsteady.steady_after = {"ledger-verifies": "entry 3 is missing"}
    assert outcome(unsteady) == EXIT_FAILED


def test_a_judge_that_could_not_look_has_seen_no_violation(tmp_path):
    unjudged = journal()
    unjudged.unjudged = f"vault does not answer {EVIL}"
    failed = journal(status="failed")
    failed.unjudged = "vault does not answer"
    write_page(tmp_path / "page.html", [unjudged], {})
    page = (tmp_path / "page.html").read_text()
    said = "\n".join(map(str, told(unjudged)))

    assert outcome(unjudged) == EXIT_UNJUDGED
    assert outcome(failed) == EXIT_FAILED  # what was seen besides is said
    assert exit_code([journal(), unjudged], is_complete=True) == EXIT_UNJUDGED
    assert exit_code([unjudged, failed], is_complete=True) == EXIT_FAILED
    assert not unjudged.is_well
    assert "VIOLATION" not in said
    assert "NOT JUDGED, for the judge could not look: vault does not answer" in said
    assert "could not be judged" in page
    assert "did not hold" not in page
    assert "<script" not in page
    assert "not judged 1" in markdown([unjudged], {})


def test_the_page_needs_nothing_from_elsewhere_and_obeys_nothing_that_is_written(tmp_path):
    bad = journal(status="failed")
    bad.violations = [EVIL]
    write_page(tmp_path / "page.html", [journal(), bad], {"seed": EVIL})
    page = (tmp_path / "page.html").read_text()

    assert "<script" not in page
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []
    assert page.count("<svg") >= 4
    assert "worker-death" in page


def test_what_is_said_on_a_terminal_obeys_nothing():
    bad = journal(status="failed")
    bad.violations = [EVIL]

    said = "\n".join(map(str, [*rows_of([bad]), *told(bad)]))
    assert "VIOLATION" in said
    assert "\x1b" not in said


def test_the_journal_is_one_object_a_line(tmp_path):
    write(tmp_path / "j.jsonl", [journal(), journal()], {"commit": "c", "seed": 7})
    facts, first, second = map(json.loads, (tmp_path / "j.jsonl").read_text().splitlines())

    assert (facts["commit"], facts["seed"], first) == ("c", 7, second)
    assert first["faults"][0]["planned"]["fault"] == "worker-death"


def test_the_table_stands_between_its_marks_and_the_rest_of_the_page_stays(tmp_path):
    page = tmp_path / "chaos.md"
    page.write_text(f"before\n{BEGINS}\nold\n{ENDS}\nafter\n")
    write_table(page, markdown([journal()], {"seed": 1, "commit": "c"}))
    text = page.read_text()

    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "recovery of a worker kill p99 0.50 s.\n" in text
    cells = "- | - | - | 2 | - | - | - | - | -"  # by phase, and at none
    assert f"| worker-death | 2 | 2 | {cells} | 0 | 2 | 0.50 s | 0.50 s |" in text
