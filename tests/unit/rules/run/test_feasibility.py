"""Which stages may still come, from the plan and what has happened."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from dsl.compiler import compile_text
from dsl.core import StageStatus
from dsl.plan import Plan
from dsl.rules.run.feasibility import Followers, has_gate, possible


def agent(name: str, *requires: str) -> dict[str, Any]:
    return {"name": name, "type": "agent", "template": "default", "requires": list(requires)}


def gate(name: str = "gate", *requires: str) -> dict[str, Any]:
    config = {"approvers": ["ann"]}
    return {"name": name, "type": "gate", "requires": list(requires), "config": config}


def condition(name: str, test: str, *requires: str, **ways: Any) -> dict[str, Any]:
    return {"name": name, "type": "condition", "requires": list(requires), "if": test, **ways}


def parallel(name: str, *requires: str, **branches: Any) -> dict[str, Any]:
    made = [{"name": each, "stages": stages} for each, stages in branches.items()]
    return {"name": name, "type": "parallel", "requires": list(requires), "branches": made}


def plan_of(*stages: dict[str, Any]) -> Plan:
    document = {
        "name": "p",
        "version": "1",
        "inputs": {"where": {"type": "string", "default": "test"}},
        "stages": list(stages),
    }
    return compile_text(yaml.safe_dump(document), "p").plan


def coming(plan: Plan, *, where: str = "test", **statuses: StageStatus) -> list[str]:
    def status_of(path: str) -> StageStatus:
        return statuses.get(path.replace("/", "__"), StageStatus.PENDING)

    return [step.path for step in possible(plan.steps, status_of, {"where": where})]


def behind(plan: Plan, path: str) -> list[str]:
    return sorted(step.path for step in Followers(plan).of(path))


def test_what_has_begun_or_ended_is_not_looked_at_again():
    plan = plan_of(agent("a"), agent("b"), gate())

    assert coming(plan, a=StageStatus.RUNNING) == ["b"]
    assert coming(plan, a=StageStatus.COMPLETED, b=StageStatus.SKIPPED) == []


@pytest.mark.parametrize(("where", "way"), [("prod", "then"), ("test", "otherwise")])
def test_a_condition_on_inputs_alone_goes_one_way(where, way):
    plan = plan_of(
        gate(),
        condition(
            "route",
            'inputs.where == "prod"',
            "gate",
            then=[agent("then")],
            **{"else": [agent("otherwise")]},
        ),
    )

    assert coming(plan, where=where) == [f"route/{way}"]


def test_of_any_other_condition_both_ways_may_come():
    plan = plan_of(
        agent("a"),
        condition(
            "route",
            'stages.a.status == "completed" && inputs.where == "prod"',
            "a",
            then=[agent("then")],
            **{"else": [parallel("both", one=[agent("x")], two=[agent("y")])]},
        ),
    )

    assert coming(plan) == ["a", "route/then", "route/both/one/x", "route/both/two/y"]


def test_behind_a_gate_is_what_waits_for_it_and_for_what_it_stands_in():
    plan = plan_of(
        agent("before"),
        parallel(
            "checks",
            "before",
            people=[gate("sign"), agent("after", "sign"), agent("aside")],
            other=[agent("lint")],
        ),
        agent("publish", "checks"),
        agent("last", "publish"),
        agent("elsewhere"),
    )

    assert behind(plan, "checks/people/sign") == ["checks/people/after", "last", "publish"]
    assert behind(plan, "before") == ["checks", "last", "publish"]
    assert behind(plan, "elsewhere") == []


def test_many_gates_are_answered_from_one_reading():
    stages = [agent("a"), *(gate(f"g{n}", "a") for n in range(300)), agent("z", "g0", "g299")]
    followers = Followers(plan_of(*stages))

    assert [step.path for step in followers.of("g299")] == ["z"]
    assert [step.path for step in followers.of("g7")] == []
    assert len(followers.of("a")) == 301


def test_a_plan_without_gates_asks_nobody():
    assert not has_gate(plan_of(agent("a")))
    assert has_gate(plan_of(parallel("p", a=[gate()], b=[agent("x")])))
