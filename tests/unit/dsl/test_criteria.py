"""The document with the criteria of promotion: what is shipped, and what is refused."""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.contracts import trust_specs
from dsl.core import Tier
from dsl.errors import DslError
from dsl.plan import GateStep
from dsl.promotion import CONSENT, SHIPPED, describe, load_criteria, parse_criteria, promotion_plan
from dsl.rules.gates.consensus import Decision, Verdict, Vote, tally
from dsl.rules.gates.gate_rules import rules_of

SHIPPED_DATA: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())


def bent(*path: Any, to: Any) -> str:
    data = copy.deepcopy(SHIPPED_DATA)
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return yaml.safe_dump(data)


def refusal(text: str) -> str:
    with pytest.raises(DslError) as caught:
        parse_criteria(text, "criteria.yaml")
    return str(caught.value)


def test_the_shipped_criteria_get_harder_with_every_tier():
    criteria = load_criteria()
    steps = [step for tier in Tier if (step := criteria.to(tier)) is not None]

    assert len(steps) == 4
    for lower, upper in pairwise(steps):
        assert lower.compliant_runs < upper.compliant_runs
        assert lower.age < upper.age
        assert lower.no_violations_for < upper.no_violations_for
        assert lower.budget_burn_max > upper.budget_burn_max
    assert criteria.to(Tier.T0) is None


def test_t3_takes_two_people_and_t4_two_of_the_council():
    criteria = load_criteria()
    asked = {tier.name: describe(found.gate) for tier in Tier if (found := criteria.to(tier))}

    assert asked["T3"] == "2 of group:sre, within 3d"
    assert asked["T4"] == "2 of group:council, within 3d"
    assert describe(criteria.reinstatement.gate) == "2 of group:council, within 3d"


@pytest.mark.parametrize(
    ("kind", "name"), [("promote", "promotion"), ("reinstate", "reinstatement")]
)
def test_the_plan_is_one_gate_that_takes_proven_votes_with_reasons(kind, name):
    plan = promotion_plan(load_criteria(), kind, "checker", Tier.T2, Tier.T3)
    [step] = plan.steps

    assert isinstance(step, GateStep)
    assert (plan.name, step.path, CONSENT) == (name, "consent", trust_specs.GATE)
    assert (step.identity, step.reason, step.on_timeout) == (("verified",), "required", "reject")
    assert "checker" in step.description
    assert plan.timeout_ms > step.timeout_ms


def test_one_person_alone_does_not_pass_the_gate_of_t3():
    [step] = promotion_plan(load_criteria(), "promote", "x", Tier.T2, Tier.T3).steps
    assert isinstance(step, GateStep)
    rules = rules_of(step, escalated=False, identity=("verified",), excluded=())
    ann, bob = (
        Vote(name, Decision.APPROVE, name, frozenset({"sre"}), proven=True, reason="fine")
        for name in ("ann", "bob")
    )

    assert tally(rules, [ann, ann]).verdict is Verdict.PENDING
    assert tally(rules, [ann, bob]).verdict is Verdict.PASSED


def test_plans_for_different_agents_and_tiers_are_different():
    criteria = load_criteria()
    digests = {
        promotion_plan(criteria, "promote", agent, Tier(now - 1), now).digest()
        for agent in ("a", "b")
        for now in (Tier.T1, Tier.T2)
    }

    assert len(digests) == 4


def test_a_site_may_raise_nobody_to_a_tier():
    data = copy.deepcopy(SHIPPED_DATA)
    del data["tiers"]["T4"]
    criteria = parse_criteria(yaml.safe_dump(data), "criteria.yaml")

    assert criteria.to(Tier.T4) is None
    with pytest.raises(ValueError, match="nobody is raised to T4"):
        promotion_plan(criteria, "promote", "x", Tier.T3, Tier.T4)


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("tiers", "T3", "gate", "quorum"), 1, "promotion to T3 takes 2 persons, and 1 would pass"),
        (("tiers", "T4", "gate", "quorum"), 1, "promotion to T4 takes 2 persons"),
        (("reinstatement", "gate", "quorum"), 1, "reinstatement takes 2 persons"),
        (("tiers", "T3", "gate", "identity"), "claimed", "T3: a claimed name raises nobody"),
        (("tiers", "T1", "gate", "identity"), "claimed", "T1: a claimed name raises nobody"),
        (("tiers", "T3", "gate", "reason"), "optional", "T3 takes the reason of everybody"),
        (("tiers", "T1", "gate", "approvers"), [], "promotion to T1: nobody may agree"),
        (("tiers", "T3", "gate", "approvers"), ["ann"], "cannot be reached with 1 approver(s)"),
        (("tiers", "T3", "gate", "approvers"), ["ann", "ann"], "cannot be reached with 1"),
        (("tiers", "T3", "gate", "on_timeout"), "approve", "unknown field 'on_timeout'"),
        (("tiers", "T5"), {}, "unknown field 'T5'"),
        (("tiers", "T1", "compliant_runs"), 0, "compliant_runs: expected at least 1, got 0"),
        (("tiers", "T1", "budget_burn_max"), 101, "expected at most 100"),
        (("tiers", "T1", "age"), 5, "a duration needs a unit"),
        (("tiers", "T1", "age"), "99999d", "outside the limits of 0s to 3650d"),
        (("tiers", "T1", "evidence"), "believed", "expected verified, got 'believed'"),
        (("after_demotion",), None, "after_demotion"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_what_is_below_the_floor_or_makes_no_sense_is_refused(path, to, said):
    assert said in refusal(bent(*path, to=to))


def test_two_groups_of_one_each_do_not_make_two_persons():
    groups = [{"name": "sre"}, {"name": "council"}]
    gate = {"groups": groups, "quorum": 1}

    assert "takes 2 persons" in refusal(bent("tiers", "T3", "gate", to=gate))
    parse_criteria(bent("tiers", "T3", "gate", to={**gate, "quorum": 2}), "criteria.yaml")


def test_every_mistake_is_told_at_once_with_its_place():
    text = SHIPPED.read_text().replace("compliant_runs: 30", "compliant_runs: many")
    text = text.replace("age: 14d", "age: soon")
    said = refusal(text)
    line = text.splitlines().index("    compliant_runs: many") + 1

    assert f"criteria.yaml:{line}:21: compliant_runs" in said
    assert f"criteria.yaml:{line + 1}:10: age" in said


def test_what_is_no_mapping_or_not_there_is_refused_by_name(tmp_path: Path):
    assert "expected tiers, after_demotion and reinstatement" in refusal("[1]")
    with pytest.raises(DslError, match=r"gone\.yaml"):
        load_criteria(tmp_path / "gone.yaml")
