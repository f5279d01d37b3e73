"""Scenarios of agents that ask: answered where they wait, ended for it, rejected, stopped."""

from __future__ import annotations

from typing import Any, Final

from tests.fixtures.engine import stage
from tests.replay.studio import Handle, Studio, ended

ASKS = "work/question-1"
ASKS_MORE = "work/question-2"


def _work(**questions: Any) -> dict[str, Any]:
    questions = {"approvers": ["ann"], "timeout": "1m", **questions}
    return stage("work", template="asks", config={"questions": questions, "timeout": "1m"})


async def _answer(studio: Studio, run: Handle, gate: str, answer: str) -> None:
    await studio.until_open(run, gate)
    vote = {"gate": gate, "decision": "approve", "voter": "ann", "answer": answer}
    await run.signal("vote", vote)


async def answered_at_work(studio: Studio, name: str) -> Handle:
    """An agent waits for both answers; whoever says that it asks is looked at, and not believed."""
    run = await studio.start(name, _work())
    await studio.until_open(run, ASKS)
    await studio.client.get_workflow_handle(f"{name}/work").signal("asked")
    await run.signal("asked", "nowhere")
    await _answer(studio, run, ASKS, "eu")
    await _answer(studio, run, ASKS_MORE, "large")
    return run


async def parked(studio: Studio, name: str) -> Handle:
    """An agent is ended for each of its questions, and begins again with the answers."""
    run = await studio.start(name, _work(park_after="1s"))
    for gate, answer in ((ASKS, "eu"), (ASKS_MORE, "large")):
        await studio.until_open(run, gate)
        await studio.client.get_workflow_handle(f"{name}/work").result()
        await _answer(studio, run, gate, answer)
    return run


async def question_rejected(studio: Studio, name: str) -> Handle:
    """Somebody rejects what an agent asks while it waits."""
    run = await studio.start(name, _work())
    await studio.vote(run, ASKS, "reject")
    return run


async def stopped_while_it_asks(studio: Studio, name: str) -> Handle:
    """An agent is stopped while it waits, and its gate is closed."""
    run = await studio.start(name, _work())
    await studio.until_open(run, ASKS)
    await run.execute_update("revoke", {"stage": "work", "reason": "it asks too much"})
    await ended(run)
    return run


SCENARIOS: Final = (answered_at_work, parked, question_rejected, stopped_while_it_asks)
