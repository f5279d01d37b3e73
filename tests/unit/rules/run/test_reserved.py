"""Which ids are the engine's own, and whose."""

from __future__ import annotations

import pytest

from activities.contracts import specs, trust_specs
from dsl.rules.run import reserved
from dsl.rules.run.reserved import (
    OWNERS,
    is_revocation_of,
    owner_of,
    promotion_id,
    refuse_reserved,
    reinstatement_id,
    revocation_id,
)
from dsl.values.agent_ids import refuse_agent_identity
from worker import WORKFLOWS

AGENT = "deploy.plan"


def test_each_reserved_word_belongs_to_a_workflow_that_the_worker_has():
    known = {vars(each)["__temporal_workflow_definition"].name for each in WORKFLOWS}

    assert set(OWNERS.values()) <= known
    assert specs.REGISTRATION_WORKFLOW == reserved.REGISTRATION
    assert trust_specs.REVOCATION_WORKFLOW == reserved.REVOCATION


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        (revocation_id(AGENT), "Revocation"),
        (revocation_id(AGENT, "0f"), "Revocation"),
        (promotion_id(AGENT), "Promotion"),
        (reinstatement_id(AGENT), "Reinstatement"),
        ("revocation", "Revocation"),
        ("sweep", "Sweep"),
        ("sweep-2030-01-01T00:00:00Z", "Sweep"),
        ("sweeps", None),
        ("Revocation/x", None),
        ("my-revocation/x", None),
        ("/revocation/x", None),
        ("", None),
    ],
)
def test_an_id_is_for_one_type_of_workflow_or_free(name, owner):
    assert owner_of(name) == owner
    for kind in ("Pipeline", "Agent", *OWNERS.values()):
        assert (refuse_reserved(name, kind) is None) == (owner in (None, kind))


@pytest.mark.parametrize("token", ["0f", "by-ann_2", "A" * 64])
def test_a_revocation_may_stand_beside_what_holds_its_id(token):
    assert is_revocation_of(AGENT, revocation_id(AGENT))
    assert is_revocation_of(AGENT, revocation_id(AGENT, token))


@pytest.mark.parametrize(
    "name",
    [
        "revocation/deploy.plan/",
        "revocation/deploy.plan/a/b",
        "revocation/deploy.plan/a\n",
        "revocation/deploy.plan/" + "a" * 65,
        "revocation/deploy.plan2",
        "revocation/deploy",
        "promotion/deploy.plan",
        "",
    ],
)
def test_nothing_else_is_the_revocation_of_that_agent(name):
    assert not is_revocation_of(AGENT, name)


def test_no_agents_id_makes_a_revocation_that_of_another():
    assert refuse_agent_identity(f"{AGENT}/0f") is not None
