"""What changed since the last approval, as an approver is told first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dsl.shown.surfaces import Terminal
from dsl.values.canonical import digest_of
from mandate.people.gates.earlier import CHANGES_SHOWN_MAX, Earlier, since_lines
from mandate.people.gates.rows import GateRow, read_rows
from mandate.people.outputs import Put
from tests.unit.mandate.people.test_rows import row

WHEN = datetime(2026, 1, 1, 10, tzinfo=UTC)


def digest(what: object) -> str:
    return digest_of(what)


def put(name: str, what: object = 0, phase: str = "EXECUTE") -> Put:
    return Put(name=name, digest=digest(what), phase=phase)


def gate(**stages: dict[str, object]) -> GateRow:
    subject = {path: {n: digest(w) for n, w in outputs.items()} for path, outputs in stages.items()}
    (found,) = read_rows([row(subject=subject, subject_digest=digest_of(subject))])
    return found


def before(*outputs: Put, plan: str = "sha256:p") -> Earlier:
    told = {"look": {each.name: each for each in outputs}}
    voters = (("ann", "verified"),)
    return Earlier(run="r-1", when=WHEN, plan=plan, voters=voters, outputs=told)


def test_what_is_the_same_changed_new_and_gone_is_told():
    then = before(put("a", 1), put("b", 1), put("d", 1))

    assert list(since_lines(then, gate(look={"a": 1, "b": 2, "c": 1}))) == [
        "before   r-1 was approved by ann (verified) and ended 2026-01-01T10:00:00+00:00, says its "
        "report",
        "since    the same plan; outputs: 1 same, 1 changed, 1 new, 1 gone; accounts of the "
        "engine: 0 changed",
        "  changed  look: b",
        "  new      look: c",
        "  gone     look: d",
    ]


def test_accounts_of_the_engine_are_only_counted():
    then = before(put("execute.json", 1), put("plan.json", 1, "PLAN"))
    told = list(since_lines(then, gate(look={"execute.json": 2, "plan.json": 2})))

    assert told[1:] == [
        "since    the same plan; outputs: nothing to compare; accounts of the engine: 2 changed"
    ]


def test_another_plan_is_said_first():
    told = list(since_lines(before(plan="sha256:other"), gate(look={})))

    assert "since    another plan; " in told[1]


def test_a_stage_that_was_not_there_is_new():
    told = list(since_lines(before(), gate(other={"x": 1})))

    assert told[-1] == "  new      other: x"


def test_many_changes_are_bounded():
    many = {f"o{n}": n for n in range(100)}
    told = list(since_lines(before(), gate(look=dict(many))))

    assert len(told) == 2 + CHANGES_SHOWN_MAX + 1
    assert told[-1] == f"  and {100 - CHANGES_SHOWN_MAX} more"


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (Earlier(), "before   no approval of this gate and plan: no run of this type is over yet"),
        (
            Earlier(looked_at=1),
            "before   no approval of this gate and plan in the one run that is over",
        ),
        (
            Earlier(looked_at=7),
            "before   no approval of this gate and plan in the last 7 runs that are over",
        ),
        (Earlier(why=Terminal("it is away")), "before   not known: it is away"),
    ],
)
def test_that_nothing_is_known_is_said(known, line):
    assert list(since_lines(known, gate(look={}))) == [line]
