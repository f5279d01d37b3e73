"""What a person reads of a call before signing for it, and of the calls of a run."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.rules.tools.calls import Occurrence, call_of
from dsl.values.canonical import digest_of
from mandate.people.gates.rows import GateRow, refuse_digest
from mandate.people.gates.shown import FOLD, FOLDS_MAX, call_lines

ABOUT = {"plan": "sha256:p", "run": "r", "run_id": "1", "stage": "work", "ordinal": 1}


def row(arguments: dict[str, Any], *, shown: dict[str, Any] | None = None, **more: Any) -> GateRow:
    call = call_of("pay", "refund", arguments)
    occurrence = Occurrence(call=call, **ABOUT)
    subject = {"work": {"call-1": occurrence.digest()}}
    seen = {
        "server": "pay",
        "tool": "refund",
        "arguments": shown or arguments,
        "purpose": "order 17",
        "rule": "rule 1 asks people",
        "occurrence": occurrence.model_dump(mode="json", exclude={"call"}),
        **more,
    }
    return GateRow.model_validate(
        {
            "gate": "work/call-1",
            "opening": 1,
            "escalated": False,
            "plan": "sha256:p",
            "inputs": digest_of({}),
            "subject": subject,
            "subject_digest": digest_of(subject),
            "call": seen,
        }
    )


def lines(asked: GateRow) -> list[str]:
    assert asked.call is not None
    return [str(line) for line in call_lines(asked.call)]


def test_each_argument_stands_on_a_line_and_what_table_and_agent_say_behind():
    assert lines(row({"amount": 82, "to": "ann", "more": {"a": [1]}})) == [
        "call     refund of pay",
        "argument amount = 82",
        'argument more = {"a":[1]}',
        "argument to = 'ann'",
        "rule     rule 1 asks people",
        "it says  order 17",
    ]


def test_a_long_argument_is_folded_and_cut_with_its_length():
    said = lines(row({"text": "x" * (FOLD * (FOLDS_MAX + 5))}))

    assert all(len(line) < FOLD + 40 for line in said)
    assert f"{FOLD * (FOLDS_MAX + 5)} characters in all" in said[-3]


def test_what_is_shown_is_what_the_gate_asks_for():
    assert refuse_digest(row({"amount": 82})) is None


@pytest.mark.parametrize(
    "lie",
    [
        {"shown": {"amount": 82}},
        {"tool": "list"},
        {"server": "bank"},
        {"occurrence": {**ABOUT, "ordinal": 2}},
        {"occurrence": {}},
    ],
)
def test_a_run_that_shows_another_call_is_not_believed(lie: dict[str, Any]):
    why = refuse_digest(row({"amount": 820}, **lie))

    assert str(why) == "the call that is shown is not the one that the gate asks for"
