"""Agent ids become names in Vault, keys in Dragonfly and text in histories: all must hold them."""

from __future__ import annotations

import pytest

from dsl.compiler import compile_text
from dsl.errors import DslError

DOCUMENT = """
name: {pipeline}
version: "1"
stages:
  - {{name: {stage}, type: agent, template: default{agent}}}
"""


def _compile(pipeline: str = "p", stage: str = "look", agent: str = "") -> None:
    given = f", agent: {agent}" if agent else ""
    compile_text(DOCUMENT.format(pipeline=pipeline, stage=stage, agent=given), "d.yaml")


@pytest.mark.parametrize("agent", ["a", "deploy-bot", "a.b_c-d", "a1", "build_"])
def test_an_id_vault_can_hold_is_accepted(agent: str):
    _compile(agent=agent)


@pytest.mark.parametrize("agent", ["a-", "a.", "a..b", "-a", "A", "a/b", "a" * 129])
def test_an_id_vault_cannot_hold_is_refused(agent: str):
    with pytest.raises(DslError, match="DSL2"):
        _compile(agent=agent)


@pytest.mark.parametrize(("pipeline", "stage"), [("p-", "look"), ("p", "look-")])
def test_a_name_that_would_make_such_an_id_is_refused(pipeline: str, stage: str):
    with pytest.raises(DslError, match="DSL206"):
        _compile(pipeline, stage)


def test_an_id_that_would_be_redacted_as_a_token_is_refused():
    with pytest.raises(DslError, match="DSL322"):
        _compile("s", "deploy-the-production-cluster")


@pytest.mark.parametrize(
    ("replacement", "code"),
    [
        ("a..b", "DSL326"),
        ("a-", "DSL326"),
        ("inline-0123456789ab.x", "DSL320"),
        ("s.deploy-the-production-cluster", "DSL322"),
        ("a" * 129, "DSL404"),
        ("p.look", "DSL505"),
    ],
)
def test_a_replacement_needs_an_id_of_its_own_that_vault_can_hold(replacement: str, code: str):
    config = f", config: {{on_revoked: 'replace: {replacement}'}}"
    text = DOCUMENT.format(pipeline="p", stage="look", agent=config)
    with pytest.raises(DslError) as caught:
        compile_text(text, "d.yaml")

    assert [each.code for each in caught.value.problems] == [code]


@pytest.mark.parametrize("tier", [3, 4])
def test_an_agent_that_people_let_act_is_not_replaced(tier: int):
    text = f"""
name: p
version: "1"
stages:
  - {{name: look, type: agent, template: default}}
  - name: g
    type: gate
    requires: [look]
    config: {{approvers: [ana, bob], quorum: 2, identity: [verified]}}
  - name: act
    type: agent
    template: default
    requires: [g]
    config: {{tier: {tier}, on_revoked: "replace: other"}}
"""
    with pytest.raises(DslError) as caught:
        compile_text(text, "d.yaml")

    assert [each.code for each in caught.value.problems] == ["DSL327"]
