"""Promotions and reinstatements that cannot be: one clear end each, and it is on the ledger."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.contracts.trust_specs import PROMOTION_WORKFLOW, REINSTATEMENT_WORKFLOW
from dsl.limits import REASON_LENGTH_MAX
from dsl.rules.run.reserved import promotion_id, reinstatement_id
from tests.fixtures.engine import Engine, failure_of
from tests.fixtures.ledger.entries import told_by

TYPES = {PROMOTION_WORKFLOW: "PromotionRefused", REINSTATEMENT_WORKFLOW: "ReinstatementRefused"}
IDS = {PROMOTION_WORKFLOW: promotion_id, REINSTATEMENT_WORKFLOW: reinstatement_id}
REST = {PROMOTION_WORKFLOW: {"to": "T2"}, REINSTATEMENT_WORKFLOW: {"reason": "the key is new"}}


def stranger() -> str:
    return f"a-{uuid.uuid4().hex[:12]}"


async def ask(engine: Engine, kind: str, run: str, *args: Any) -> WorkflowHandle[Any, Any]:
    handle = await engine.client.start_workflow(kind, args=list(args), id=run, task_queue="mandate")
    engine.started.append(handle)
    return handle


def entries(engine: Engine, run: str) -> list[Any]:
    return told_by(engine.settings.ledger, run)


BAD_NAMES: dict[str, Any] = {
    "a slash": "a/b",
    "a star": "a*",
    "a plus": "a+b",
    "dots": "a..b",
    "a template": "{{ identity.entity.id }}",
    "too long": "a" * 161,
    "empty": "",
    "a number": 7,
    "nothing": None,
    "a list": ["a"],
    "metadata": {"tier": "T4"},
    "a line break": "a\n",
    "an instance": "a~0123456789ab",
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", BAD_NAMES)
async def test_what_names_no_agent_ends_at_once_and_is_on_the_ledger(engine, kind, name):
    run = f"t-{uuid.uuid4()}"
    handle = await ask(engine, kind, run, {"agent": BAD_NAMES[name], **REST[kind]})
    failure = await failure_of(handle)
    [entry] = entries(engine, run)

    assert (failure.type, failure.message[:30]) == (TYPES[kind], "agent: expected the id of an a")
    assert failure.details[0]["not_recorded"] == 0
    assert (entry.action, entry.agent) == ("trust.refused", "-")
    assert entry.payload["why"] == [failure.message]


BAD_INPUTS: dict[str, tuple[str, Any, str]] = {
    "no input": (PROMOTION_WORKFLOW, None, "expected agent and to"),
    "a text": (PROMOTION_WORKFLOW, "a", "expected agent and to"),
    "no tier": (PROMOTION_WORKFLOW, {"agent": "a"}, "expected agent and to"),
    "more": (PROMOTION_WORKFLOW, {"agent": "a", "to": 1, "held": 0}, "expected agent and to"),
    "tier 5": (PROMOTION_WORKFLOW, {"agent": "a", "to": 5}, "from T0 to T4"),
    "tier -1": (PROMOTION_WORKFLOW, {"agent": "a", "to": -1}, "from T0 to T4"),
    "a truth": (PROMOTION_WORKFLOW, {"agent": "a", "to": True}, "from T0 to T4"),
    "a fraction": (PROMOTION_WORKFLOW, {"agent": "a", "to": 1.0}, "from T0 to T4"),
    "a small letter": (PROMOTION_WORKFLOW, {"agent": "a", "to": "t2"}, "from T0 to T4"),
    "no reason": (REINSTATEMENT_WORKFLOW, {"agent": "a"}, "expected agent and reason"),
    "an empty reason": (REINSTATEMENT_WORKFLOW, {"agent": "a", "reason": " "}, "reason: expected"),
    "a number": (REINSTATEMENT_WORKFLOW, {"agent": "a", "reason": 1}, "reason: expected"),
    "a long reason": (
        REINSTATEMENT_WORKFLOW,
        {"agent": "a", "reason": "x" * (REASON_LENGTH_MAX + 1)},
        "reason: expected",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
async def test_what_cannot_be_read_ends_at_once_and_says_what_was_expected(engine, case):
    kind, value, said = BAD_INPUTS[case]
    run = f"t-{uuid.uuid4()}"
    failure = await failure_of(await ask(engine, kind, run, *([] if value is None else [value])))

    assert failure.type == TYPES[kind]
    assert said in failure.message
    assert [e.action for e in entries(engine, run)] == ["trust.refused"]


@pytest.mark.parametrize("kind", TYPES)
async def test_more_than_one_input_ends_at_once(engine, kind):
    value = {"agent": "a", **REST[kind]}
    failure = await failure_of(await ask(engine, kind, f"t-{uuid.uuid4()}", value, value))

    assert "expected one input" in failure.message


@pytest.mark.parametrize("kind", TYPES)
async def test_another_workflow_id_is_refused_because_it_would_allow_two_at_once(engine, kind):
    agent = stranger()
    failure = await failure_of(
        await ask(engine, kind, f"t-{uuid.uuid4()}", {"agent": agent, **REST[kind]})
    )

    assert failure.type == TYPES[kind]
    assert f"the workflow id must be '{IDS[kind](agent)}'" in failure.message


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("agent", ["unknown", "x.-"])
async def test_an_agent_that_nobody_knows_is_refused_by_name(engine, kind, agent):
    name = f"{agent}{uuid.uuid4().hex[:8]}"
    failure = await failure_of(
        await ask(engine, kind, IDS[kind](name), {"agent": name, **REST[kind]})
    )
    [entry] = entries(engine, IDS[kind](name))

    assert (failure.type, failure.message) == (TYPES[kind], f"agent {name!r} is not registered")
    assert failure.details[0]["unmet"] == [failure.message]
    assert (entry.action, entry.agent, entry.payload["asked"]["agent"]) == (
        "trust.refused",
        name,
        name,
    )


HANDLERS = ("Answer a gate", "Any other name", "Pending gates", "The plan this run is pinned to")


@pytest.mark.parametrize("kind", [*TYPES, "Pipeline"])
async def test_every_handler_says_what_it_is_for_wherever_it_is_inherited(engine, kind):
    handle = await ask(engine, kind, f"t-{uuid.uuid4()}", {"nonsense": 1})
    await failure_of(handle)
    _, shown = await engine.cli("workflow", "metadata", "-w", handle.id)

    for words in HANDLERS:
        assert words in shown


async def test_a_second_one_for_the_same_agent_is_not_started_while_the_first_runs(engine):
    agent = stranger()
    handle = await engine.client.start_workflow(
        PROMOTION_WORKFLOW,
        {"agent": agent, "to": "T2"},
        id=promotion_id(agent),
        task_queue="nobody-listens-here",
    )
    with pytest.raises(WorkflowAlreadyStartedError):
        await ask(engine, PROMOTION_WORKFLOW, promotion_id(agent), {"agent": agent, "to": "T1"})
    await handle.terminate()
