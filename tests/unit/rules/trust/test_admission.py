"""Names and refusals at the door of a run."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.core import Tier
from dsl.rules.trust.admission import (
    INLINE_PREFIX_LENGTH,
    Binding,
    agent_identity,
    instance_id,
    is_inline,
    rebinding_by,
    rebinding_line,
    refuse_binding,
    refuse_held,
    refuse_tier,
)
from dsl.values.agent_ids import AGENT_ID_PATTERN

DIGEST = "sha256:" + "0123456789ab" + "0" * 52
agents = st.from_regex(AGENT_ID_PATTERN, fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=20)


def test_a_registered_agent_keeps_its_name():
    assert agent_identity("deploy.plan", DIGEST, registered=True) == "deploy.plan"


def test_an_inline_agent_is_named_after_the_digest_of_its_plan():
    identity = agent_identity("deploy.plan", DIGEST, registered=False)

    assert identity == "inline-0123456789ab.deploy.plan"
    assert len(identity) == INLINE_PREFIX_LENGTH + len("deploy.plan")


@given(agents)
def test_an_inline_identity_is_known_as_one(agent):
    assert is_inline(agent_identity(agent, DIGEST, registered=False))


@pytest.mark.parametrize("name", ["inline-x.a", "inline-0123456789AB.a", "an-inline", "inline"])
def test_other_names_are_not_taken_for_inline(name):
    assert not is_inline(name)


@pytest.mark.parametrize("digest", ["", "sha256:12", "0" * 64, DIGEST + "\n", DIGEST + "0"])
def test_a_malformed_digest_is_a_programming_error(digest):
    with pytest.raises(ValueError, match="expected a plan digest"):
        agent_identity("a", digest, registered=False)


def test_an_instance_is_named_after_workflow_run_and_path():
    expected = hashlib.sha256(b"wf\nrun\na/b").hexdigest()[:12]

    assert instance_id("deploy.plan", "wf", "run", "a/b") == f"deploy.plan~{expected}"


@given(agents, texts, texts, texts)
def test_an_instance_name_is_no_agent_id(agent, workflow_id, run_id, path):
    assert re.fullmatch(AGENT_ID_PATTERN, instance_id(agent, workflow_id, run_id, path)) is None


@pytest.mark.parametrize("inline_tier", list(Tier))
@pytest.mark.parametrize("requested", [Tier.T3, Tier.T4])
def test_an_inline_plan_never_gets_t3_or_t4(requested, inline_tier):
    refusal = refuse_tier(requested, registered=False, inline_tier=inline_tier)

    assert refusal is not None
    assert "needs a registered plan" in refusal
    assert refusal.endswith(": `mandate register FILE`")


@pytest.mark.parametrize(
    ("requested", "inline_tier", "refused"),
    [
        (Tier.T0, Tier.T0, False),
        (Tier.T1, Tier.T0, True),
        (Tier.T2, Tier.T2, False),
        (Tier.T2, Tier.T1, True),
    ],
)
def test_an_inline_plan_gets_the_inline_tier_at_most(requested, inline_tier, refused):
    refusal = refuse_tier(requested, registered=False, inline_tier=inline_tier)

    assert (refusal is not None) == refused


@pytest.mark.parametrize("requested", list(Tier))
def test_the_inline_tier_does_not_bind_a_registered_plan(requested):
    assert refuse_tier(requested, registered=True, inline_tier=Tier.T0) is None


@given(st.sampled_from(list(Tier)), st.sampled_from(list(Tier)))
def test_no_more_is_given_than_is_held(requested, held):
    refusal = refuse_held(requested, held)

    assert (refusal is None) == (requested <= held)
    assert refusal is None or (requested.name in refusal and held.name in refusal)


SEEN = Binding("deploy", "default", "sha256:1")


def test_the_same_binding_is_admitted():
    assert refuse_binding("a", SEEN, Binding("deploy", "default", "sha256:1")) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Binding("other", "default", "sha256:1"), "pipeline deploy became other"),
        (Binding("deploy", "terraform", "sha256:1"), "template default became terraform"),
        (Binding("deploy", "default", "sha256:2"), "program sha256:1 became sha256:2"),
        (Binding("deploy", "default", None), "program sha256:1 became none"),
    ],
)
def test_an_identity_that_became_another_agent_is_refused(asked, said):
    refusal = refuse_binding("deploy.plan", SEEN, asked)

    assert refusal is not None
    assert said in refusal
    line = f"`mandate agent rebind {asked.pipeline} deploy.plan --reason 'a new release'`"
    assert line in refusal


def test_an_agent_of_an_inline_plan_is_rebound_by_a_file_that_nobody_here_knows():
    line = rebinding_line("inline-0123456789ab.deploy.plan", "deploy")

    assert line.startswith("mandate agent rebind FILE inline-0123456789ab.deploy.plan --")


@pytest.mark.parametrize("agent", ["deploy.plan", "inline-0123456789ab.deploy.plan"])
def test_whoever_knows_the_file_puts_it_there(agent):
    asked = Binding("deploy", "default", "sha256:2")
    refusal = refuse_binding(agent, SEEN, asked) or ""

    said = rebinding_by("'my pipelines/triage.yaml'", refusal)

    line = f"`mandate agent rebind 'my pipelines/triage.yaml' {agent} --reason 'a new release'`"
    assert line in said
    assert said.replace(line, f"`{rebinding_line(agent, asked.pipeline)}`") == refusal


def test_and_changes_no_other_refusal():
    refusal = refuse_held(Tier.T3, Tier.T1) or ""

    assert rebinding_by("my.yaml", refusal) == refusal
