"""Which votes clarify a plan, of those that came where people are asked how it is to be done.

1. One that would not count at the gate answers nothing.
2. One that says something else than whoever answered first, nothing at all, or what would widen the
   plan, does not count.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsl.rules.gates.consensus import Rules, Vote, refuse
from dsl.rules.gates.questions import Question, refuse_answer, refuse_clarification
from dsl.rules.health.clarification import Clarification, clarification_name


def answering(
    rules: Rules, gate: str, votes: Iterable[Vote], clarified: Clarification
) -> list[Vote]:
    """Return the votes that answer, in the order in which they came."""
    name = clarification_name(clarified.number)
    question = Question(id=name, text=name)  # its words decide nothing
    found: list[Vote] = []
    for vote in votes:
        why = refuse(rules, gate, found, vote)  # (1) it would not count
        why = why or refuse_answer(question, vote, found)  # (2) something else
        if not (why or refuse_clarification(clarified.plan, vote)):
            found.append(vote)
    return found
