"""A question of an agent, and which answers to it count. Pure.

An answer is what a person says with an approval: it travels as the reason of the vote, so the
proof of the vote covers it (docs/adr/0026). The rules:

1. Whoever approves, answers. Where there are choices, with one of them, as it stands there.
2. All who approve say the same: whoever is first proposes, the others agree or reject. What was
   said differently uses nothing up.
3. A rejection answers nothing, and ends the stage. No default is ever applied: it only tells people
   what the agent would expect.
4. How a plan is clarified is asked as a question is, and its answer has to make a plan of it: see
   ``dsl.rules.health.clarification``.
5. Where nothing is asked, an answer is no reason: whoever answers "no" must not have approved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import Field, model_validator

from dsl.core import QUESTION_ID_PATTERN, ClarifiedPlan, Value
from dsl.limits import CHOICE_LENGTH_MAX, CHOICES_MAX, QUESTION_LENGTH_MAX
from dsl.rules.gates.consensus import Decision, Vote
from dsl.rules.health.clarification import ClarificationError, answered
from dsl.values.canonical import digest_of

ANSWERS_NOTHING: Final = (
    "gate {!r} asks no question: give a reason in place of an answer"  # (5) no reason
)
_SHOWN_MAX: Final = 80  # characters
_NO_ANSWERS: Final = ("", "...", "\u2026")  # nothing, or the dots of a line to copy


class Question(Value):
    """What an agent asks."""

    id: str = Field(pattern=QUESTION_ID_PATTERN)
    text: str = Field(min_length=1, max_length=QUESTION_LENGTH_MAX)
    choices: tuple[str, ...] = Field(default=(), max_length=CHOICES_MAX)
    default: str | None = Field(default=None, max_length=QUESTION_LENGTH_MAX)

    @model_validator(mode="after")
    def _can_be_answered(self) -> Question:
        if len(set(self.choices)) != len(self.choices):
            raise ValueError("a choice is there twice")
        if any(not each.strip() or len(each) > CHOICE_LENGTH_MAX for each in self.choices):
            raise ValueError(f"a choice has 1 to {CHOICE_LENGTH_MAX} characters")
        if self.choices and self.default is not None and self.default not in self.choices:
            raise ValueError("the default is none of the choices")
        return self

    def digest(self) -> str:
        """Return what an answer is bound to."""
        return digest_of(self.model_dump(mode="json"))

    def described(self) -> str:
        """Return the question as people read it."""
        of = f" (one of: {', '.join(self.choices)})" if self.choices else ""
        usual = f" (the agent expects: {self.default})" if self.default is not None else ""
        return f"{self.text}{of}{usual}"


class Answered(Value):
    """An answer that people have given."""

    id: str
    question: str  # digest
    answer: str


def refuse_answer(question: Question, vote: Vote, standing: Iterable[Vote]) -> str | None:
    """Say why ``vote`` answers nothing; None when it does, or rejects (1) (2)."""
    if vote.decision is Decision.REJECT:
        return None
    if vote.reason.strip() in _NO_ANSWERS:
        return "the gate asks a question: say what you answer (--answer, or `answer` of the vote)"
    if question.choices and vote.reason not in question.choices:
        return f"expected one of {', '.join(question.choices)}; got {_shown(vote.reason)}"
    first = next((each for each in standing if each.decision is Decision.APPROVE), None)
    if first is not None and first.reason != vote.reason:
        return f"{first.voter!r} has answered {_shown(first.reason)}: answer the same, or reject"
    return None


def refuse_clarification(draft: ClarifiedPlan, vote: Vote) -> str | None:
    """Say why an approval does not clarify a plan; None when it does, or rejects (4)."""
    if vote.decision is Decision.REJECT:
        return None
    try:
        answered(draft, vote.reason)
    except ClarificationError as error:
        return str(error)
    return None


def answer_of(votes: Iterable[Vote]) -> str:
    """Return what those who approved have said."""
    return next(each.reason for each in votes if each.decision is Decision.APPROVE)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…")
