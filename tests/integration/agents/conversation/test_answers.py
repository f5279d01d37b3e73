"""A program that asks and waits: the answer comes on its stdin, or it ends and begins again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from dsl.rules.gates.questions import Question
from integrations.agents.contract.protocol import AgentError, QuestionAskedError

ASKED = Question(id="region", text="Which region?")
THOUGHT_S = 2.0


class People:
    """They answer with the id of what they were asked, when they have thought."""

    def __init__(self, answers: int, thinks_s: float = 0.0) -> None:
        self._answers = answers
        self._thinks_s = thinks_s
        self.asked: list[str] = []

    async def answer(self, question: Question) -> str | None:
        self.asked.append(question.id)
        await asyncio.sleep(self._thinks_s)
        return f"{question.id}!" if len(self.asked) <= self._answers else None


async def test_each_question_is_answered_on_stdin_in_its_turn(run: Any):
    people = People(answers=2)
    outcome = await run(
        "hostile", {"do": "asks_and_waits"}, may_ask=True, on_question=people.answer
    )

    assert people.asked == ["region", "size"]
    assert outcome.result.output["answers"] == {"region": "region!", "size": "size!"}


async def test_the_time_limit_stands_still_while_people_think_and_the_deadline_moves(run: Any):
    people = People(answers=2, thinks_s=THOUGHT_S)
    limit_s = 2 * THOUGHT_S - 0.5  # less than they think, and enough for what is left
    began = time.time()
    outcome = await run(
        "hostile",
        {"do": "asks_and_waits"},
        may_ask=True,
        on_question=people.answer,
        timeout_s=limit_s,
    )

    assert outcome.result.output["deadline"] >= began + limit_s + THOUGHT_S


@pytest.mark.parametrize("do", ["asks", "asks_and_ends"])
async def test_who_is_not_waited_for_or_does_not_wait_begins_again(run: Any, do: str):
    asked: list[str] = []

    async def think(question: Question) -> str | None:
        asked.append(question.id)
        if do == "asks":
            return None
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    with pytest.raises(QuestionAskedError) as caught:
        await run("hostile", {"do": do}, may_ask=True, on_question=think)

    assert caught.value.question == ASKED
    assert asked in ([], ["region"])  # one that has ended at once may be too quick for anybody


@pytest.mark.parametrize(
    ("do", "kind", "message"),
    [
        ("asks_and_delivers", "protocol", "it delivers, and its question 'region' waits"),
        ("asks_and_crashes", "exit", "exit status 1"),
    ],
)
async def test_what_is_no_way_to_wait(run: Any, do: str, kind: str, message: str):
    async def think(_question: Question) -> str | None:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    with pytest.raises(AgentError, match=message) as caught:
        await run("hostile", {"do": do}, may_ask=True, on_question=think)

    assert caught.value.kind == kind
