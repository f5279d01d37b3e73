"""VERIFY looks for what a template says that EXECUTE puts out."""

from __future__ import annotations

import pytest

from activities.contracts import messages
from activities.phases.verify import refuse_missing
from dsl.core import PHASE_OUTPUT_TYPES, AgentOutput, AgentPhase
from integrations.agents.contract.protocol import FAILED, AgentError
from tests.unit.activities.phase_request import phase_request


def output(name: str, phase: AgentPhase = AgentPhase.EXECUTE) -> AgentOutput:
    kind = PHASE_OUTPUT_TYPES[phase]
    return AgentOutput(name=name, phase=phase, output_type=kind, digest="sha256:1", size=1)


def request(*outputs: AgentOutput) -> messages.PhaseRequest:
    return phase_request(outputs, produces=("findings.json", "report.txt"))


def test_what_is_there_is_enough():
    refuse_missing(request(output("findings.json"), output("report.txt"), output("more")))


def test_what_is_missing_is_named_and_so_is_what_there_is():
    account = output("execute.json")
    planned = output("report.txt", AgentPhase.PLAN)  # of another phase
    with pytest.raises(AgentError) as caught:
        refuse_missing(request(output("findings.json"), account, planned))

    assert (caught.value.kind, caught.value.retryable) == (FAILED, False)
    assert (
        "template 'triage' says that it produces report.txt, and EXECUTE has put out: "
        "findings.json; announce it" in str(caught.value)
    )
