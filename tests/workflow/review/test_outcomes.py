"""What became of suggestions: on the ledger by one workflow alone, and learned from."""

from __future__ import annotations

import asyncio
import uuid
from fractions import Fraction
from typing import Any

import pytest

from activities.contracts.specs import QUEUE, REVIEW_OUTCOME_WORKFLOW
from dsl.actions import REVIEW_OUTCOME
from dsl.review.remedy import Remedy
from dsl.rules.review.ranking import acceptance
from dsl.rules.run.reserved import review_outcome_id
from integrations.ledger.lookup import latest
from mandate.people.runs import RUNS_MAX
from mandate.work.review.behaviour import _of_engine
from mandate.work.review.learned import recorded
from tests.fixtures.engine import Engine, failure_of, pipeline, stage

TOLD = {"outcome": "accepted", "reason": "it was merged", "by": "ann"}


def new_name() -> str:
    return f"split-file-{uuid.uuid4().hex[:12]}"


async def tell(engine: Engine, said: Any, name: str = "", **more: Any) -> Any:
    return await engine.client.start_workflow(
        REVIEW_OUTCOME_WORKFLOW,
        said,
        id=more.get("id") or review_outcome_id(name or "any", uuid.uuid4().hex),
        task_queue=QUEUE,
    )


async def test_an_outcome_is_on_the_ledger_with_whose_word_it_is(engine: Engine):
    name = new_name()
    report = await (await tell(engine, {"suggestion": name, **TOLD}, name)).result()
    found = await asyncio.to_thread(latest, engine.settings.ledger, REVIEW_OUTCOME, 50)

    (entry,) = [each for each in found if each.payload["suggestion"] == name]
    assert entry.payload == {
        "suggestion": name,
        "outcome": "accepted",
        "reason": "it was merged",
        "by": "ann",
        "how": "claimed",
    }
    assert report["ledger"] == [entry.seq, entry.seq]


async def test_histories_of_the_newest_runs_are_asked_of_the_engine(engine: Engine):
    handle = await engine.start(pipeline(stage("look")))
    await handle.result()
    env = {"TEMPORAL_ADDRESS": engine.settings.temporal}
    async with asyncio.timeout(60):
        while True:  # a server's list is behind, and has what others left running at its head
            found = {each.workflow_id for each in await _of_engine(env, RUNS_MAX, [])}
            if handle.id in found:
                break
            await asyncio.sleep(0.2)

    assert {handle.id, f"{handle.id}/look"} <= found


async def test_the_last_outcome_counts(engine: Engine):
    name = new_name()
    for outcome in ("accepted", "reverted"):
        said = {"suggestion": name, **TOLD, "outcome": outcome}
        await (await tell(engine, said, name)).result()
    outcomes = await asyncio.to_thread(recorded, engine.settings.ledger)
    mine = [each for each in outcomes if each.suggestion == name]

    assert [each.outcome.value for each in mine] == ["accepted", "reverted"]
    assert acceptance(mine) == {Remedy.SPLIT_FILE: Fraction(1, 3)}


@pytest.mark.parametrize(
    "said",
    [
        None,
        7,
        {},
        {"suggestion": "split-file-0123456789ab"},
        {"suggestion": "nonsense", **TOLD},
        {"suggestion": "unknown-kind-0123456789ab", **TOLD},
        {"suggestion": "split-file-0123456789ab", **TOLD, "outcome": "great"},
        {"suggestion": "split-file-0123456789ab", **TOLD, "reason": " "},
        {"suggestion": "split-file-0123456789ab", **TOLD, "proof": "forged"},
        {"suggestion": "split-file-0123456789ab", **TOLD, "how": "proven"},
    ],
    ids=str,
)
async def test_what_cannot_be_recorded_is_refused(engine: Engine, said: Any):
    failure = await failure_of(await tell(engine, said))

    assert failure.type == "OutcomeRefused"
