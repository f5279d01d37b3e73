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
