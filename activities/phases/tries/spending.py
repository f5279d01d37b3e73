"""What an agent errs in one try, counted while it works; a spent budget stops it.

What counts, and when a budget is spent, is for ``dsl.rules.health.budget``. The rules:

1. Errors are counted wherever the program works, and stop it where it acts: in EXECUTE, which does
   not begin either while the budget is spent.
2. What it said before it ended is counted before that end counts: whether a message or a result was
   faster is never what decides.
3. An error has the id of its activity and its number there. An attempt after a killed worker says
   the same errors under the same ids.
4. Where the store does not answer, or knows nothing of the agent, the error is kept with this
   attempt and goes on the ledger with it; what it has erred so may spend the budget by itself.
5. Whoever cuts the try short waits for no count: what it has said and nobody has counted yet is
   kept with the attempt, under the id that it would have been counted under; of more than the
   largest budget allows the newest.
6. A violation has its own consequence, which goes before that of a spent budget.
7. Where the plan is clarified, its errors are told in words as well, and count from then on. While
   they wait to be counted, words are held of ``ERROR_BUDGET_MAX`` at most, and of none once the
   budget is spent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from temporalio import activity

from activities.contracts import messages
from activities.contracts.resumption import Violated
from activities.runtime.effect import err, erred
from activities.runtime.spent import BudgetSpentError
from activities.runtime.violation import ViolationError, said, violation_of
from dsl.core import AgentPhase, ErrorBudget
from dsl.limits import ERROR_BUDGET_MAX, ERROR_WORDS_LENGTH_MAX
from dsl.rules.health.budget import BudgetReading, Erred, error_id, read_budget
from integrations.agents.contract.log import Left
from integrations.agents.contract.protocol import AgentError, Event, Outcome
from integrations.dragonfly.budgets import Budgets
from integrations.errors import ColdError, UnavailableError
from integrations.redaction import redact_tokens


class Spending:
    """Counts the errors of one try; counts nothing where the stage has no budget."""

    def __init__(self, budgets: Budgets, request: messages.PhaseRequest, phase: AgentPhase) -> None:
        info = activity.info()
        self._budgets = budgets
        self._agent = request.agent
        self._budget = request.step.error_budget
        # (3) the same for every attempt
        self._where = (info.workflow_id or "", info.workflow_run_id or "", info.activity_id)
        self._stops = phase is AgentPhase.EXECUTE  # (1) where it acts
        self._is_told = request.step.clarifications > 0  # (7) in words
        self._since_ms = request.clarified.errors_until_ms if request.clarified else 0
        self._words: dict[int, str] = {}  # of messages not counted yet, by number
        self._heard = 0
        self._counted = 0
        self._came = asyncio.Event()
        self._counting = asyncio.Lock()
        self._reading: BudgetReading | None = None
        self.halt: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def admit(self) -> None:
        """Let the program begin (1).

        Raises:
            BudgetSpentError: its agent has no error left.
            ColdError: nobody knows.
        """
        if self._budget is not None and self._stops:
            reading = await self._budgets.read(self._agent, self._budget, since_ms=self._since_ms)
            if reading.is_spent:
                raise BudgetSpentError(reading.sentence(self._agent), until_ms=reading.last_ms)

    def hearing(self, tell: Callable[[Event], None]) -> Callable[[Event], None]:
        """Return what hears events: an ``error`` is counted, and ``tell`` told of each."""

        def hear(event: Event) -> None:
            tell(event)
            if self._budget is not None and event.type == "error":
                self._heard += 1
                if not self._is_spent and len(self._words) < ERROR_BUDGET_MAX:  # (7) a few
                    self._words[self._heard] = self._told(event.data.get("message", ""))
                self._came.set()

        return hear

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Count meanwhile, and stop the program by ``halt`` when the budget is spent."""
        counting = asyncio.create_task(self._work())
        try:
            yield
        finally:
            counting.cancel()
            self.halt.cancel()

    async def heard_out(self, running: Awaitable[Outcome], left: list[Left]) -> Outcome:
        """Wait for the program, and for what it said to be counted (2).

        Raises:
            BudgetSpentError: it has spent the budget; what it delivered is in ``left``.
        """
        outcome = await running
        spent = await self._settle()
        if spent is None:
            return outcome
        left.append(Left(outcome.log, outcome.artifacts))
        spent.secrets, spent.tokens = outcome.secrets, outcome.tokens
        raise spent

    def cut_short(self) -> bool:
        """Keep what is not counted yet: nobody waits for it (5); tell whether the try has erred."""
        first = max(self._counted, self._heard - ERROR_BUDGET_MAX) + 1
        for number in range(first, self._heard + 1):
            key = error_id(*self._where, Erred.MESSAGE, number)
            err(key, int(time.time() * 1000), self._words.get(number, ""))
        return bool(erred())

    @asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        """Count a try that fails; raise what it ends with."""
        try:
            yield
        except (AgentError, ViolationError) as error:
            raise await self._failed(error) from None

    async def violated(self, violations: Sequence[Violated]) -> None:
        """Count what the program did that it must not, though it may have delivered."""
        if self._budget is not None:
            for kind in sorted({each.kind for each in violations}):
                words = self._told(f"violation: {kind}")
                await self._count(self._budget, Erred.VIOLATION, kind, words=words)

    async def _settle(self) -> BudgetSpentError | None:
        async with self._counting:
            while self._budget is not None and self._counted < self._heard and not self._is_spent:
                number = self._counted + 1
                words = self._words.get(number, "")
                await self._count(self._budget, Erred.MESSAGE, number, words=words)
                self._counted = number  # not before: who is cut short counts it again
                self._words.pop(number, None)
        return self._stop() if self._counted else None

    async def _failed(self, error: AgentError | ViolationError) -> Exception:
        if self._budget is None or isinstance(error, BudgetSpentError):
            return error
        await self._settle()
        if isinstance(error, AgentError):
            await self.violated(said(0, error.tokens))
        kind = error.kind if isinstance(error, ViolationError) else violation_of(error)
        if kind is not None:
            words = self._told(error)
            await self._count(self._budget, Erred.VIOLATION, kind, words=words)
            return error  # (6) its own consequence goes before
        await self._count(self._budget, Erred.TRY, words=self._told(error))
        return self._stop(error) or error

    @property
    def _is_spent(self) -> bool:
        return self._reading is not None and self._reading.is_spent

    async def _work(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            spent = await self._settle()
            if spent is not None and not self.halt.done():
                self.halt.set_exception(spent)
                self.halt.exception()  # it may have ended by itself, and nobody waits
                return

    def _stop(self, because: AgentError | ViolationError | None = None) -> BudgetSpentError | None:
        if self._reading is None or not (self._is_spent and self._stops):
            return None
        sentence = self._reading.sentence(self._agent)
        failed = because if isinstance(because, AgentError) else None
        return BudgetSpentError(sentence, failed, until_ms=self._reading.last_ms)

    async def _count(
        self, budget: ErrorBudget, what: Erred, which: object = "", *, words: str
    ) -> None:
        key, since_ms = error_id(*self._where, what, which), self._since_ms
        try:
            count = await self._budgets.count(self._agent, key, budget, since_ms=since_ms)
        except (UnavailableError, ColdError):
            now_ms = int(time.time() * 1000)
            err(key, now_ms, words)
            # (4) by itself
            self._reading = read_budget(erred().values(), now_ms, budget, since_ms=since_ms)
        else:
            err(key, count.now_ms, words)
            self._reading = count.reading

    def _told(self, said: object) -> str:
        """Return what an error says as history may hold it; nothing where nobody is told (7)."""
        if not self._is_told:
            return ""
        text = redact_tokens(str(said)).encode(errors="backslashreplace").decode()
        return text[:ERROR_WORDS_LENGTH_MAX]
