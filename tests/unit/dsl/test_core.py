"""The core vocabulary: names and wire values that others rely on, and the order of phases."""

from __future__ import annotations

import inspect

import pytest
from pydantic import ValidationError

from dsl import core
from dsl.core import (
    AGENT_PHASE_NAMES,
    AGENT_PHASES_ORDERED,
    DEFAULT_REDIS_PASSWORD,
    PHASE_OUTPUT_TYPES,
    AgentOutput,
    AgentPhase,
    ChaosCondition,
    ClarifiedPlan,
    ErrorBudget,
    OutputType,
    PipelineContext,
    RedisKeys,
    StageResult,
    StageStatus,
    StageType,
    Tier,
    get_output_type_for_phase,
    is_terminal_phase,
    next_phase,
)

ENUMS = (
    *(core.AgentPhase, core.AgentStatus, core.OutputType),
    *(core.ChaosCondition, core.StageType, core.StageStatus),
)
PHASES = "BOOTSTRAP PREFLIGHT PLAN EXECUTE VERIFY PACKAGE REPORT EXIT"


@pytest.mark.parametrize(
    "name",
    [
        *("AgentPhase", "AgentStatus", "OutputType", "ChaosCondition", "StageType"),
        *("StageStatus", "AgentOutput", "ClarifiedPlan", "ErrorBudget", "StageResult"),
        *("PipelineContext", "AGENT_PHASE_NAMES", "AGENT_PHASES_ORDERED", "PHASE_OUTPUT_TYPES"),
        *("DEFAULT_REDIS_HOST", "DEFAULT_REDIS_PORT", "DEFAULT_REDIS_PASSWORD"),
        *("DEFAULT_LEDGER_PATH", "RedisKeys", "get_output_type_for_phase"),
        *("is_terminal_phase", "next_phase"),
    ],
)
def test_the_authoritative_name_is_there(name):
    assert hasattr(core, name)


def test_the_phases_come_in_the_order_of_the_lifecycle():
    assert " ".join(AGENT_PHASES_ORDERED) == PHASES
    assert " ".join(AGENT_PHASE_NAMES) == PHASES + " REVOKED"


def test_each_phase_leads_to_the_next_until_the_exit():
    walked = [AgentPhase.BOOTSTRAP]
    while following := next_phase(walked[-1]):
        walked.append(following)

    assert tuple(walked) == AGENT_PHASES_ORDERED


@pytest.mark.parametrize("phase", AgentPhase)
def test_only_the_exit_and_revocation_are_terminal(phase):
    assert is_terminal_phase(phase) == (phase in (AgentPhase.EXIT, AgentPhase.REVOKED))
    assert (next_phase(phase) is None) == is_terminal_phase(phase)


def test_outputs_mature_and_never_regress():
    order = [None, *OutputType]
    maturity = [order.index(get_output_type_for_phase(phase)) for phase in AGENT_PHASES_ORDERED]

    assert maturity == sorted(maturity)
    assert set(maturity) == {1, 2, 3}


def test_a_revoked_agent_puts_out_nothing():
    assert get_output_type_for_phase(AgentPhase.REVOKED) is None
    assert set(PHASE_OUTPUT_TYPES) == set(AgentPhase) - {AgentPhase.REVOKED}


def test_there_is_no_default_password():
    assert DEFAULT_REDIS_PASSWORD is None


def test_the_keys_of_dragonfly_have_the_promised_names():
    assert RedisKeys.agent_state("agent-001") == "agent:agent-001:state"
    assert RedisKeys.agent_lock("agent-001") == "agent:agent-001:lock"
    assert RedisKeys.project_agents("proj-001") == "project:proj-001:agents"


def test_no_two_kinds_of_key_share_a_name():
    makers = [maker for _, maker in inspect.getmembers(RedisKeys, inspect.isfunction)]

    names = [maker("x") for maker in makers]

    assert len(set(names)) == len(makers) > 5


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_wire_values_are_unique_plain_words(enum):
    values = [member.value for member in enum]

    assert len(set(values)) == len(values)
    assert all(value.replace("-", "").isalpha() for value in values)


def test_the_wire_values_are_those_of_the_contract():
    assert list(StageType) == ["agent", "gate", "parallel", "condition"]
    assert list(OutputType) == ["alpha", "beta", "gamma"]
    assert "completed" in list(StageStatus)
    assert len(list(ChaosCondition)) > 5


def test_tiers_are_ordered_and_have_a_title():
    assert sorted(Tier) == [Tier.T0, Tier.T1, Tier.T2, Tier.T3, Tier.T4]
    assert Tier.T3 > Tier.T2
    assert [tier.title for tier in Tier] == [
        *("observer", "operator", "builder", "executor", "architect"),
    ]


OUTPUT = {
    "name": "plan",
    "phase": "PLAN",
    "output_type": "beta",
    "digest": "sha256:" + "0" * 64,
    "size": 3,
}


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (AgentOutput, OUTPUT),
        (ErrorBudget, {"errors": 3, "window_ms": 60_000}),
        (ClarifiedPlan, {"reasons": ["spent"]}),
        (StageResult, {"path": "a/b", "type": "agent", "status": "completed"}),
        (PipelineContext, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_values_survive_the_wire_and_refuse_what_they_do_not_know(model, data):
    value = model.model_validate(data)

    assert model.model_validate_json(value.model_dump_json()) == value
    with pytest.raises(ValidationError, match="surprise"):
        model.model_validate({**data, "surprise": 1})


def test_values_cannot_be_changed():
    budget = ErrorBudget(errors=1, window_ms=1)

    with pytest.raises(ValidationError, match="frozen"):
        budget.errors = 2  # type: ignore[misc]  # what is refused here


@pytest.mark.parametrize("data", [{"errors": -1, "window_ms": 1}, {"errors": 1, "window_ms": 0}])
def test_an_error_budget_without_sense_is_refused(data):
    with pytest.raises(ValidationError):
        ErrorBudget.model_validate(data)
