"""What is used up of error budgets while agents are at work.

1. A stage tells what its phases have told: of the one under way it knows nothing yet. Dragonfly
   does, and counts all runs of the agent together. So the stage is asked whose budget it is, and
   Dragonfly what is used up of it, after the errors of plans before a clarified one.
2. Dragonfly away, or without a memory of the agent: then it is what the stage says.
3. Nothing of that fails anybody: what is not known is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, ValidationError

from dsl.core import ErrorBudget
from dsl.limits import ERROR_BUDGET_MAX, TIMEOUT_MS_MAX
from dsl.rules.health.budget import BudgetReading
from dsl.values.canonical import INTEGER_MAX
from dsl.values.durations import parse_duration
from integrations.errors import IntegrationError
from integrations.settings import Settings


def _window(value: object) -> int:
    return parse_duration(value, least=1, most=TIMEOUT_MS_MAX)


class _Budget(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    errors: StrictInt = Field(ge=0)
    allowed: StrictInt = Field(ge=1, le=ERROR_BUDGET_MAX)
    window: Annotated[int, BeforeValidator(_window)]
    free_in_s: StrictInt = 0


class _Status(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    agent: str = Field(min_length=1)
    error_budget: _Budget | None = None
    errors_until_ms: StrictInt = Field(default=0, ge=0, le=INTEGER_MAX)


async def live_budgets(
    settings: Settings, said: Mapping[str, Mapping[str, Any]]
) -> dict[str, BudgetReading]:
    """Return what is used up of the budgets of stages at work, by their paths (3).

    ``said``: what they say of themselves.
    """
    answers = {path: _status(each) for path, each in said.items()}
    told = {path: each for path, each in answers.items() if each and each.error_budget}
    return await _counted(settings, told) if told else {}


async def _counted(settings: Settings, told: Mapping[str, _Status]) -> dict[str, BudgetReading]:
    """Return what Dragonfly has counted (1), else what stages have told (2)."""
    # Only where a stage is at work: whoever looks at a run that is over would wait for it.
    from integrations.dragonfly.budgets import Budgets  # noqa: PLC0415
    from integrations.dragonfly.client import connect  # noqa: PLC0415

    readings = {path: _of_stage(each) for path, each in told.items()}
    found = {path: reading for path, reading in readings.items() if reading is not None}
    with suppress(IntegrationError, ValueError):
        store = connect(settings.dragonfly_url, settings.dragonfly_password_file)
        try:
            budgets = Budgets(store)
            for path, reading in list(found.items()):
                its = told[path]
                found[path] = await budgets.read(
                    its.agent, reading.budget, since_ms=its.errors_until_ms
                )
        finally:
            await store.aclose()
    return found


def _of_stage(told: _Status) -> BudgetReading | None:
    its = told.error_budget
    if its is None:
        return None
    budget = ErrorBudget(errors=its.allowed, window_ms=its.window)
    return BudgetReading(errors=its.errors, budget=budget, free_in_ms=its.free_in_s * 1000)


def _status(said: Mapping[str, Any]) -> _Status | None:
    try:
        return _Status.model_validate(said)
    except ValidationError:
        return None
