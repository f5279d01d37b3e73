"""Agents that tests make up: what they answer, deliver and fail with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsl.compiler import compile_text
from dsl.core import AgentPhase, Tier
from integrations.agents.contract.protocol import AgentError, Request
from integrations.agents.programs.catalogue import Programs
from integrations.redaction import Redactor
from mandate.testing.fakes import FakeAgents, raising, saying

DOCUMENT = (
    'name: p\nversion: "1"\nstages:\n  - {name: review, type: agent, template: code-review}\n'
)


async def ran(agents: FakeAgents, folder: Path, phase: AgentPhase = AgentPhase.EXECUTE) -> Any:
    request = Request("r", "review", phase, 1, 0.0, folder, Tier.T0)
    program = Programs().find("code-review")
    return await agents.run(program, request, redact=Redactor(["secret"]), timeout_s=1.0)


async def test_a_stage_of_which_nothing_is_said_delivers_what_its_template_produces(tmp_path):
    agents = FakeAgents()
    agents.produce(compile_text(DOCUMENT, "p.yaml").plan)
    outcome = await ran(agents, tmp_path)

    assert outcome.result.output == {}
    assert sorted(each.name for each in outcome.artifacts) == [
        *("findings.json", "review.md", "review.sarif"),
    ]
    assert (await ran(agents, tmp_path, AgentPhase.VERIFY)).artifacts == ()


async def test_what_is_said_is_answered_and_delivered_without_secrets(tmp_path):
    agents = FakeAgents()
    agents.put("review", saying({"word": "a secret"}), {"review.md": "as I say"})
    outcome = await ran(agents, tmp_path)

    assert "secret" not in str(outcome.result.output)
    assert (tmp_path / "review.md").read_text() == "as I say"
    assert [each.stage for each in agents.asked] == ["review"]
    agents.forget()
    assert agents.asked == []
    assert (await ran(agents, tmp_path)).artifacts == ()


async def test_what_it_raises_is_a_failure_of_the_agent_that_may_be_tried_again(tmp_path):
    agents = FakeAgents()
    agents.put("review", raising("no"), {})

    with pytest.raises(AgentError, match="no") as failed:
        await ran(agents, tmp_path)
    assert failed.value.retryable


def test_what_is_said_of_a_stage_that_the_pipeline_does_not_have_is_refused_once():
    agents, plan = FakeAgents(), compile_text(DOCUMENT, "p.yaml").plan
    agents.put("review", saying({}), {})
    agents.put("review/clarify-1/ann", saying({}), {})  # who is asked about a stage lies under it
    agents.produce(plan)
    agents.put("reviews", saying({}), {})

    with pytest.raises(LookupError, match=r"'reviews'.*'p' has no agent stage.*it has: review$"):
        agents.produce(plan)
    agents.forget()
    agents.produce(plan)
