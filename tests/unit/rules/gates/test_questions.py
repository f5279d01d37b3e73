"""Which answers to an agent's question count, and what can be asked at all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dsl.limits import CHOICES_MAX, QUESTION_LENGTH_MAX
from dsl.rules.gates.consensus import Decision, Vote
from dsl.rules.gates.questions import Question, answer_of, refuse_answer
from integrations.agents.contract.protocol import AgentError
from integrations.agents.contract.questions import parse_question

FREE = Question(id="size", text="How large?")
CHOICE = Question(id="region", text="Where?", choices=("eu", "us"), default="eu")


def says(answer: str, voter: str = "ann", decision: Decision = Decision.APPROVE) -> Vote:
    return Vote(voter=voter, decision=decision, reason=answer)


@pytest.mark.parametrize(
    ("question", "answer", "refusal"),
    [
        (FREE, "12 GB", None),
        (FREE, "-", None),
        (FREE, " ", "say what you answer"),
        (FREE, "...", "say what you answer"),
        (CHOICE, "eu", None),
        (CHOICE, "EU", "expected one of eu, us; got 'EU'"),
        (CHOICE, "", "say what you answer"),
    ],
)
def test_an_approval_answers(question, answer, refusal):
    said = refuse_answer(question, says(answer), [])

    assert said == refusal if refusal is None else refusal in str(said)


def test_a_rejection_needs_no_answer():
    assert refuse_answer(CHOICE, says("no", decision=Decision.REJECT), [says("eu")]) is None


def test_whoever_is_first_proposes():
    standing = [says("no", "eve", Decision.REJECT), says("eu", "ann")]

    assert refuse_answer(CHOICE, says("eu", "bob"), standing) is None
    assert "'ann' has answered 'eu'" in str(refuse_answer(CHOICE, says("us", "bob"), standing))
    assert answer_of(standing) == "eu"


def test_a_question_is_another_with_any_other_word():
    others = [
        CHOICE.model_copy(update=change)
        for change in (
            {"id": "place"},
            {"text": "Where to?"},
            {"choices": ("us", "eu")},
            {"default": None},
        )
    ]

    assert len({CHOICE.digest(), *(each.digest() for each in others)}) == len(others) + 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"id": "A"}, "question.id: expected text like"),
        ({"id": None}, "question.id: expected text"),
        ({"text": ""}, "question.text: expected at least 1 character"),
        ({"text": "x" * (QUESTION_LENGTH_MAX + 1)}, "question.text: "),
        ({"choices": ["a", "a"]}, "a choice is there twice"),
        ({"choices": ["a", " "]}, "a choice has 1 to 200 characters"),
        ({"choices": [str(n) for n in range(CHOICES_MAX + 1)]}, "question.choices: "),
        ({"choices": ["a"], "default": "b"}, "the default is none of the choices"),
        ({"choices": "ab"}, "question.choices: "),
    ],
)
def test_what_cannot_be_put_to_people_breaks_the_contract(change, sentence):
    message: dict[str, Any] = {"type": "question", "id": "a", "text": "Why?", "hint": 1, **change}
    with pytest.raises(AgentError) as caught:
        parse_question(message)

    assert sentence in str(caught.value)
    assert not caught.value.retryable


def test_what_can_be_put_to_people_is_taken():
    message = {"type": "question", "hint": 1, **CHOICE.model_dump(mode="json")}

    assert parse_question(message) == CHOICE
    with pytest.raises(ValidationError):
        Question.model_validate({"id": "a", "text": "Why?", "more": 1})
