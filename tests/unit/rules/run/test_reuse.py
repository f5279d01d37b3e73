"""What may stand for a stage: the same stage, program, inputs and ground, by the same agent."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from dsl.compiler import compile_text
from dsl.core import AgentOutput, AgentPhase, OutputType
from dsl.plan import AgentStep, Plan
from dsl.rules.run.reuse import (
    MadeFrom,
    Manifest,
    Wanted,
    made_from,
    refuse,
    refuse_agent,
    ruled_by,
    voters,
)
from dsl.steps.tools import KnownTool
from dsl.values.canonical import digest_of
from tests.unit.rules.run.test_feasibility import agent, gate

PROGRAM = digest_of("a program")
PLACE = "old/look"


def steps(*stages: dict[str, Any]) -> Plan:
    return compile_text(yaml.safe_dump({"name": "p", "version": "1", "stages": stages}), "p").plan


def step(**fields: Any) -> AgentStep:
    found = steps({**agent("look"), **fields}).steps[0]
    assert isinstance(found, AgentStep)
    return found


def put(name: str = "look.txt", text: str = "seen") -> AgentOutput:
    return AgentOutput(
        name=name,
        phase=AgentPhase.EXECUTE,
        output_type=OutputType.BETA,
        digest=digest_of(text),
        size=4,
    )


def made(
    of: AgentStep | None = None, program: str = PROGRAM, inputs: Any = None, given: Any = None
) -> MadeFrom:
    found = made_from(of or step(), program, inputs or {}, given or {})
    assert found is not None
    return found


def wanted(**fields: Any) -> Wanted:
    usual = {"pipeline": "p", "path": "look", "agent": "p.look", "made_from": made()}
    return Wanted(**{**usual, **fields})


def manifest(**fields: Any) -> Manifest:
    usual = {
        "pipeline": "p",
        "plan": digest_of("the plan of then"),
        "stage": "look",
        "agent": "p.look",
        "outputs": (put(),),
        "workflow": PLACE,
        "run": "r",
        "made_from": made(),
    }
    return Manifest(**{**usual, **fields})


def test_what_is_made_from_the_same_stands_though_its_time_and_the_rest_of_its_plan_are_others():
    later = made(step(config={"timeout": "7m"}))

    assert refuse(wanted(made_from=later), manifest(), PLACE) is None


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (made(step(config={"retry": 2})), "its stage in the plan: not as it was"),
        (made(program=digest_of("a mended program")), "its program: not as it was"),
        (made(inputs={"path": "code"}), "its inputs: not as it was"),
        (made(given={"plan": (put(),)}), "what it builds on: not as it was"),
        (
            made(program=digest_of("another"), inputs={"path": "."}),
            "its program and its inputs: not as it was",
        ),
    ],
)
def test_what_differs_is_named(now: MadeFrom, why: str):
    assert refuse(wanted(made_from=now), manifest(), PLACE) == why


@pytest.mark.parametrize(
    ("packaged", "why"),
    [
        (manifest(made_from=None), "did not say what it was made from"),
        (manifest(pipeline="other"), "its manifest is of 'other'"),
        (manifest(stage="other"), "its manifest is of 'p'"),
        (manifest(workflow="elsewhere/look"), "in 'elsewhere/look'"),
        (manifest(agent="p.other"), "agent 'p.other' did it"),
        (manifest(agent="inline-0123456789ab.p.look"), "did it, and now it is 'p.look'"),
        (manifest(clarified=digest_of("clarified")), "no approval is carried over"),
    ],
)
def test_what_is_not_of_that_stage_and_agent_stands_for_nothing(packaged: Manifest, why: str):
    said = refuse(wanted(), packaged, PLACE)

    assert said is not None
    assert why in said


def test_agents_of_inline_plans_are_the_same_without_the_digest_of_their_plan():
    before, now = manifest(agent="inline-0123456789ab.p.look"), "inline-ba9876543210.p.look"

    assert refuse(wanted(agent=now), before, PLACE) is None
    assert refuse(wanted(agent=now), manifest(), PLACE) is not None  # of a registered plan


@pytest.mark.parametrize(
    ("fields", "is_taken"),
    [
        ({}, True),
        ({"revoked": True}, False),
        ({"epoch_ms": 999}, True),
        ({"epoch_ms": 1_000}, False),  # revoked since, and come back
        ({"violations": 1}, False),
    ],
)
def test_an_agent_that_was_stopped_hands_on_nothing(fields: dict[str, Any], is_taken: bool):
    why = refuse_agent(1_000, **{"revoked": False, "epoch_ms": 0, "violations": 0, **fields})

    assert (why is None) is is_taken


@pytest.mark.parametrize(
    ("program", "inputs"), [("", {}), ("no digest", {}), (PROGRAM, {"n": 2**53})]
)
def test_what_cannot_be_said_in_one_way_has_no_digest(program: str, inputs: dict[str, Any]):
    assert made_from(step(), program, inputs, {}) is None


def calling(*conditions: str | None) -> AgentStep:
    rules = [
        {"server": "shop", "tool": "pay", "policy": "allow", **({"when": each} if each else {})}
        for each in conditions
    ]
    document = {
        "name": "p",
        "version": "1",
        "inputs": {"most": {"type": "integer"}, "other": {"type": "string"}},
        "stages": [{**agent("look"), "config": {"tier": 1, "tools": rules}}],
    }
    found = compile_text(yaml.safe_dump(document), "p").plan.steps[0]
    assert isinstance(found, AgentStep)
    return found


PAY = {"shop/pay": KnownTool(timeout_ms=1_000, said=digest_of("pinned"))}
INPUTS = {"most": 10, "other": "a"}


def test_what_calls_are_ruled_by_is_the_inputs_that_are_read_and_what_is_said_of_the_tools():
    of = calling("inputs.most > args.amount")
    was = ruled_by(of, INPUTS, PAY)

    assert was == ruled_by(of, {**INPUTS, "other": "b"}, PAY)
    slower = {"shop/pay": PAY["shop/pay"].model_copy(update={"timeout_ms": 5})}
    assert was == ruled_by(of, INPUTS, slower)  # the time it has is no part of it
    pinned = {"shop/pay": PAY["shop/pay"].model_copy(update={"said": digest_of("anew")})}
    others = [ruled_by(of, {**INPUTS, "most": 11}, PAY), ruled_by(of, INPUTS, pinned)]
    assert was not in [*others, ruled_by(of, INPUTS, {})]
    whole = calling("size(inputs) > 1", None)  # whichever of them
    assert ruled_by(whole, INPUTS, PAY) != ruled_by(whole, {**INPUTS, "other": "b"}, PAY)


def test_a_stage_with_tools_is_made_from_what_rules_its_calls_or_it_has_no_digest():
    of = calling(None)
    now = made_from(of, PROGRAM, {}, {}, ruled_by(of, INPUTS, PAY))
    assert now is not None
    before = now.model_copy(update={"ruled_by": ""})  # an old release did not say

    assert made_from(of, PROGRAM, {}, {}) is None
    assert ruled_by(step(), INPUTS, PAY) == ""
    assert ruled_by(of, INPUTS, PAY | {"shop/x": PAY["shop/pay"]}) != now.ruled_by
    said = refuse(wanted(made_from=now), manifest(made_from=before), PLACE)
    assert said == "what its calls of tools are ruled by: not as it was"


def test_who_votes_at_a_gate_is_known_by_its_plan():
    config = {"approvers": ["ann"], "gate_type": "consensus", "members": [{"stage": "look"}]}
    plan = steps(agent("look"), agent("other"), {**gate("g", "look"), "config": config})

    assert voters(plan) == {"look"}
