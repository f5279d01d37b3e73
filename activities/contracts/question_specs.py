"""How a run learns what an agent asks at work, and how the agent's activity learns the answer.

A signal can be sent by whoever may write to the namespace, so none carries a question or an answer
(docs/adr/0033). Signals only say "look":

1. ``asked``, to the agent's workflow and to its run: the server's record of the activity, its last
   sign of life, says what is asked. That is read by ``agent.asks``, and only a worker can write it.
2. ``answered``, to the agent's workflow: it goes on working, and so does the clock of its stage.
3. The answer is what the run says when it is queried: ``questions``, with the path of the stage.
"""

from __future__ import annotations

from typing import Final

from activities.contracts.specs import ActivitySpec
from dsl.core import Value
from dsl.rules.gates.questions import Question

ASKED: Final = "asked"
ANSWERED: Final = "answered"
QUESTIONS: Final = "questions"


class AsksRequest(Value):
    """Whose activity is looked at: that of another workflow than the one that asks, or its own."""

    workflow: str = ""
    run: str = ""


class Asks(Value):
    """What an agent asks now; it is what its activity tells with every sign of life."""

    question: Question | None = None


class Posed(Value):
    """A question of an agent in its run, and the answer once there is one."""

    question: Question
    gate: str
    answer: str | None = None


asks = ActivitySpec("agent.asks", AsksRequest, Asks)
