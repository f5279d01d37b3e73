"""What a stage may write into, and connect to: what pipeline and operator both say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from activities.phases.machine import sandbox_of
from dsl.core import Tier
from dsl.plan import AgentStep, SandboxPlan
from integrations.errors import DeniedError
from integrations.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "ws/state/below").mkdir(parents=True)
    (tmp_path / "ws/elsewhere").symlink_to(tmp_path)
    variables = {
        "MANDATE_WORKSPACE": str(tmp_path / "ws"),
        "MANDATE_WRITABLE": f"{tmp_path / 'ws/state'}:{tmp_path / 'sites'}",
        "MANDATE_LEDGER": str(tmp_path / "data/ledger.db"),
    }
    return read_settings(variables)


def step(*write: str, tier: Tier = Tier.T1) -> AgentStep:
    return AgentStep(
        path="apply",
        name="apply",
        template="terraform",
        program="terraform",
        phases=("EXECUTE",),
        agent="p.apply",
        tier=tier,
        timeout_ms=1,
        sandbox=SandboxPlan(write=write),
    )


def test_what_both_name_is_writable(settings, tmp_path):
    assert sandbox_of(settings, step("state")).write == (tmp_path / "ws/state",)
    assert sandbox_of(settings, step("./state/", str(tmp_path / "sites"))).write == (
        tmp_path / "ws/state",
        tmp_path / "sites",
    )
    assert sandbox_of(settings, step()).write == ()


@pytest.mark.parametrize("path", [".", "state/below", "elsewhere", "/", "../ws", "none"])
def test_what_the_operator_does_not_name_is_refused(settings, path):
    with pytest.raises(DeniedError, match="is no directory of MANDATE_WRITABLE"):
        sandbox_of(settings, step(path))


def test_an_observer_writes_nothing(settings):
    with pytest.raises(DeniedError, match="T0 writes nothing"):
        sandbox_of(settings, step("state", tier=Tier.T0))


def test_without_the_variable_nothing_is_writable(settings):
    with pytest.raises(DeniedError, match="is no directory of MANDATE_WRITABLE"):
        sandbox_of(replace(settings, writable=()), step("state"))


def test_a_plan_that_writes_nothing_has_the_digest_it_always_had():
    assert "write" not in step().model_dump(mode="json")["sandbox"]
    assert step("state").model_dump(mode="json")["sandbox"]["write"] == ["state"]
