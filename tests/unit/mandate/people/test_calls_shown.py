"""What a person reads of a call before signing for it, and of the calls of a run."""

from __future__ import annotations

from typing import Any

import pytest

from dsl.rules.gates.questions import Question
from dsl.rules.tools.calls import Occurrence, call_of
from dsl.values.canonical import digest_of
from mandate.people.gates.inbox import InboxRun
from mandate.people.gates.rows import GateRow, QuestionRow, refuse_digest
from mandate.people.gates.shown import FOLD, FOLDS_MAX, call_lines
from mandate.work.gates import gates

ABOUT = {"plan": "sha256:p", "run": "r", "run_id": "1", "stage": "work", "ordinal": 1}


def row(
    arguments: dict[str, Any],
    *,
    shown: dict[str, Any] | None = None,
    gate: str = "call-1",
    subject: dict[str, str] | None = None,
    **more: Any,
) -> GateRow:
    call = call_of("pay", "refund", arguments)
    occurrence = Occurrence(call=call, **ABOUT)
    asked = {"work": {"call-1": occurrence.digest()} if subject is None else subject}
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
            "gate": f"work/{gate}",
            "opening": 1,
            "escalated": False,
            "plan": "sha256:p",
            "inputs": digest_of({}),
            "subject": asked,
            "subject_digest": digest_of(asked),
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


def digest(*, outcome: bool = False) -> str:
    found = Occurrence(call=call_of("pay", "refund", {"amount": 82}), **ABOUT)
    return found.outcome_digest() if outcome else found.digest()


def test_a_gate_about_an_outcome_has_the_digest_of_the_outcome():
    asked = {"outcome-1": digest(outcome=True)}

    assert refuse_digest(row({"amount": 82}, gate="outcome-1", subject=asked)) is None


@pytest.mark.parametrize(
    ("gate", "subject"),
    [
        ("call-1", {"call-1": digest(outcome=True)}),
        ("outcome-1", {"outcome-1": digest()}),
        ("call-2", {"call-1": digest(), "call-2": "sha256:other"}),
        ("call-2", {"call-1": digest()}),
        ("question-1", {"question-1": digest()}),
        ("review", {"review": digest()}),
    ],
)
def test_the_digest_of_another_gate_is_not_that_of_this_one(gate: str, subject: dict[str, str]):
    why = refuse_digest(row({"amount": 82}, gate=gate, subject=subject))

    assert str(why) == "the call that is shown is not the one that the gate asks for"


def test_a_question_is_the_one_that_has_the_digest_of_its_gate():
    question = Question(id="q", text="Which?", choices=("a", "b"))
    asked = {"question-1": question.digest()}
    given = row({}, gate="question-1", subject=asked).model_copy(update={"call": None})
    honest = QuestionRow.model_validate(question.model_dump(mode="json"))

    assert refuse_digest(given.model_copy(update={"question": honest})) is None
    for lie in ({"text": "Shall it?"}, {"choices": ("a",)}, {"id": "p"}, {"id": ""}):
        shown = honest.model_copy(update=lie)
        why = refuse_digest(given.model_copy(update={"question": shown}))
        assert str(why) == "the question that is shown is not the one that the gate asks"


def test_the_inbox_says_what_would_be_called_with_what_and_why():
    asked = row({"amount": 82, "note": "x" * 1_000}, purpose="order 17")
    shown = [str(line) for line in gates.lines(InboxRun("r", "1", "deploy"), asked, {})]

    for line in (
        "  call     refund of pay",
        "  argument amount = 82",
        "           | ... 1000 characters in all",
        "  rule     rule 1 asks people",
        "  it says  order 17",
    ):
        assert line in shown
    assert len(shown) < 20
