"""A program that errs without end costs its worker no more than what is kept of it."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.testing import ActivityEnvironment

from activities.contracts import messages
from activities.phases.tries.spending import Spending
from activities.runtime.effect import Attempt, attempt
from dsl.core import AgentPhase, ErrorBudget
from dsl.limits import ERROR_BUDGET_MAX, ERROR_WORDS_MAX
from integrations.agents.contract.protocol import Event
from integrations.dragonfly.budgets import Budgets
from integrations.dragonfly.client import connect
from tests.unit.activities.phase_request import phase_request

NOWHERE = "redis://127.0.0.1:1"


def request(clarifications: int) -> messages.PhaseRequest:
    budget = ErrorBudget(errors=ERROR_BUDGET_MAX, window_ms=60_000)
    return phase_request(error_budget=budget, clarifications=clarifications)


async def cut_short(clarifications: int, said: int) -> tuple[Attempt, Spending]:
    """Return what is kept of a try that has erred so often before anybody counted."""

    async def work() -> tuple[Attempt, Spending]:
        with attempt() as this:
            spending = Spending(
                Budgets(connect(NOWHERE, None)), request(clarifications), AgentPhase.EXECUTE
            )
            hear: Callable[[Event], None] = spending.hearing(lambda _event: None)
            for number in range(1, said + 1):
                hear(Event("error", {"message": f"error {number}"}))
            assert spending.cut_short()
            return this, spending

    return await ActivityEnvironment().run(work)


async def test_what_is_cut_short_is_kept_with_its_words_where_the_plan_is_clarified():
    kept, _ = await cut_short(clarifications=1, said=2)
    silent, _ = await cut_short(clarifications=0, said=2)

    assert list(kept.words.values()) == ["error 1", "error 2"]
    assert kept.erred.keys() == silent.erred.keys() == kept.words.keys()
    assert silent.words == {}


async def test_of_errors_without_end_the_newest_are_kept_and_words_of_a_few():
    said = 50 * ERROR_BUDGET_MAX
    kept, spending = await cut_short(clarifications=1, said=said)
    fewer, _ = await cut_short(clarifications=1, said=said - 1)

    assert len(kept.erred) == ERROR_BUDGET_MAX
    assert len(kept.erred.keys() - fewer.erred.keys()) == 1  # the newest, by its number
    assert len(kept.words) <= ERROR_WORDS_MAX
    assert len(spending._words) == ERROR_BUDGET_MAX
