"""Revocation: stop one agent everywhere, and say what of that was seen to be so.

1. The workflow id names the agent; its start is the epoch. Starting it again, or another one
   beside it, is harmless: nobody's brake waits for who holds an id (docs/adr/0017).
2. All brakes start at once and wait for nothing: neither for each other, nor for the ledger. An
   outage delays the lines of what is away. Nothing here times out.
3. Who may is for each brake to see, see ``activities.revocation.revokers``. Without a proof only
   the agent's runs are stopped; the rest is refused, and the run says so and ends.
4. A better word is taken while it runs: signal ``revoke`` with the proof of a person. What follows
   on a word, follows on a late one.
5. It is not cancelled: a brake that is let go half-way confirms nothing. It can be terminated.
6. When no run is under way any more, processes are looked for once more, and so are tokens: one
   that was being minted may have come late. The worker of T3 and T4 is asked about processes when
   the agent holds such a tier, or one of its runs acted at one.
7. Bad input changes nothing and ends the run at once; that stands on the ledger if it answers
   within a second. So does an agent that Vault does not know, for which the ledger is not asked to
   record a revocation, unless Vault needs longer than that second to say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from activities.contracts import messages, specs
    from activities.contracts import trust_specs as trust
    from dsl.actions import TRUST_REFUSED
    from dsl.core import Value
    from dsl.limits import REVOCATION_WORDS_MAX
    from dsl.values.canonical import digest_of
    from workflows.messages.inputs import MessageError
    from workflows.messages.rejected import VoidMessages
    from workflows.runtime import failures
    from workflows.trust.receipt import Brake, Receipt
    from workflows.trust.revocation_messages import EXAMPLE, RevocationOrder, read_order

_NO_PROCESS: Final = "processes: none of the agent's is left"
_A_SECOND: Final = timedelta(seconds=1)
NO_AGENT: Final = "-"
_DENIED: Final = "DeniedError"
_UNKNOWN: Final = "NotFoundError"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REVOKE: Final = (
    "Give this revocation the word of a person, as `mandate revoke ID --reason TEXT --print` "
    f"prints it: {EXAMPLE}"
)


@workflow.defn(name=trust.REVOCATION_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Revocation(VoidMessages):
    """Revoke one agent."""

    def __init__(self) -> None:
        super().__init__()
        self._orders: list[RevocationOrder] = []  # each with a word that somebody gave (4)
        self._receipt: Receipt | None = None
        self._by_word: dict[str, tuple[Brake, specs.ActivitySpec[Any, trust.Braked]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._runs = Brake(trust.stop_runs.name, "temporal: no run of the agent is under way")
        self._looks_at_high_tier = False
        self._unknown = ""

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Return the receipt."""
        try:
            order = read_order([payload])
        except MessageError as error:
            raise await self._refused(str(error)) from None
        if order not in self._orders:  # a signal may have come with the start
            self._orders.insert(0, order)
        self._receipt = receipt = Receipt(order.agent, _start_ms())
        for spec, lines in _BRAKES:
            self._by_word[spec.name] = receipt.brake(spec.name, *lines), spec
        receipt.brakes.append(self._runs)
        here = receipt.brake(trust.confirm_processes.name, f"{_NO_PROCESS} ({specs.QUEUE})")
        for name in self._by_word:  # (2) all at once, none waits for another
            self._begin(self._apply(name))
        self._begin(self._stop(order, here))
        await self._until(lambda: self._is_bugged() or all(task.done() for task in self._tasks))
        for task in self._tasks:
            task.result()  # a bug fails the workflow task, where it is seen
        receipt.is_unproven = self._identity.is_refused and any(
            line.detail.startswith(trust.NOT_PROVEN) for line in self._identity.lines
        )
        self._show()
        if self._unknown:
            raise await self._refused(self._unknown)
        return receipt.as_json()

    @workflow.signal(description=_REVOKE)
    def revoke(self, payload: RawValue = None) -> None:  # type: ignore[assignment]  # must be exactly RawValue
        """Take another word (4)."""
        try:
            order = read_order([payload])
        except MessageError as error:
            self.on_bad_message("revoke", str(error))
            return
        if order.proof and order in self._orders:
            return
        if len(self._orders) >= REVOCATION_WORDS_MAX:
            self.on_bad_message("revoke", f"{REVOCATION_WORDS_MAX} words were given already")
            return
        self._orders.append(order)
        for name, (brake, _) in self._by_word.items():
            if brake.is_refused:
                brake.asked_again()
                self._begin(self._apply(name))

    @workflow.signal(dynamic=True, description="Any other name: has no effect, status shows it")
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """Remember a signal that has no handler."""
        self.on_bad_message(name, f"unknown signal {name!r}; known: revoke")

    @workflow.query(description="What is confirmed and what is not, and what has to be rotated")
    def receipt(self) -> dict[str, Any]:
        """Return the receipt as it is now; empty before there is one."""
        return self._receipt.as_json() if self._receipt is not None else {}

    @workflow.query(description="The receipt, and messages that had no effect")
    def status(self) -> dict[str, Any]:
        """Return where the revocation stands."""
        return {**self.receipt(), **self.void_messages()}

    async def _apply(self, name: str) -> None:
        """Apply a brake that takes somebody's word, with each word there is (3) (4)."""
        brake, spec = self._by_word[name]
        # (7) nothing is recorded for a stranger
        if name == trust.record_revocation.name and await self._is_unknown():
            brake.refused(self._unknown)
            return
        while brake.tried < len(self._orders):
            brake.asked_again()  # what was refused before is open again
            order = self._orders[brake.tried]
            brake.tried += 1
            try:
                answer = await spec(
                    order.request(),
                    activity_id=f"{name}#{brake.tried}",
                    summary=Markdown.of("{}: {}", order.agent, name),
                )
            except ActivityError as error:
                kind, why = failures.cause_of(error)
                brake.refused(why)
                if kind == _UNKNOWN:
                    self._unknown = why
                if kind != _DENIED:
                    break
            else:
                brake.answered(answer)
                self._follow_up(brake, order, answer)
                break
        self._show()

    async def _is_unknown(self) -> bool:
        identity = self._identity
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: identity.is_settled or identity.has_answered,
                timeout=_A_SECOND,
                timeout_summary=Markdown("then the ledger"),
            )
        return bool(self._unknown)

    def _follow_up(self, brake: Brake, order: RevocationOrder, answer: trust.Braked) -> None:
        """Begin what follows when the identity is disabled (6)."""
        if brake is self._identity:
            self._begin(self._end_late_tokens(order))
            if answer.high:
                self._look_at_high_tier(order)

    async def _stop(self, order: RevocationOrder, here: Brake) -> None:
        """Stop the agent's runs, which takes nobody's word, and look what is left (6)."""
        runs = self._runs
        try:
            found = await trust.stop_runs(
                order.request(),
                activity_id=f"{trust.stop_runs.name}#1",
                summary=Markdown.of("{}: tell every run to stop", order.agent),
            )
        except ActivityError as error:
            runs.refused(failures.cause_of(error)[1])
            found = trust.RunsFound(agent=order.agent, reason=order.reason)
        self._begin(self._look(order, here, specs.QUEUE))
        if found.high:
            self._look_at_high_tier(order)
        if not runs.is_refused:
            asked = Markdown.of("{}: no run under way?", order.agent)
            spec = trust.confirm_runs
            await self._ask(runs, spec, found, spec.name, summary=asked)

    async def _look(self, order: RevocationOrder, brake: Brake, queue: str) -> None:
        """Look for processes at once, and again when no run can start one any more (6)."""
        spec, agent = trust.confirm_processes, trust.AgentName(agent=order.agent)
        place = f"{spec.name}/{queue}"
        asked = Markdown.of("{}: no process left?", order.agent)
        await self._ask(brake, spec, agent, place, summary=asked, queue=queue)
        await workflow.wait_condition(lambda: self._runs.is_settled)
        brake.asked_again()
        await self._ask(brake, spec, agent, f"{place}/again", summary=asked, queue=queue)

    def _look_at_high_tier(self, order: RevocationOrder) -> None:
        if self._looks_at_high_tier:
            return
        self._looks_at_high_tier = True
        assert self._receipt is not None  # noqa: S101  # it was made before anything was begun
        what = f"{_NO_PROCESS} ({specs.QUEUE_T3})"
        brake = self._receipt.brake(trust.confirm_processes.name, what)
        self._begin(self._look(order, brake, specs.QUEUE_T3))

    async def _end_late_tokens(self, order: RevocationOrder) -> None:
        """End what was being minted while the identity was disabled (6)."""
        brake, spec = self._by_word[trust.revoke_identity.name]
        await workflow.wait_condition(lambda: self._runs.is_settled)
        brake.asked_again()
        asked = Markdown.of("{}: no token came late?", order.agent)
        await self._ask(brake, spec, order.request(), f"{spec.name}/again", summary=asked)

    async def _ask(
        self,
        brake: Brake,
        spec: specs.ActivitySpec[Any, trust.Braked],
        request: Value,
        place: str,
        *,
        summary: Markdown,
        queue: str | None = None,
    ) -> None:
        try:
            answer = await spec(request, activity_id=f"{place}#1", summary=summary, queue=queue)
        except ActivityError as error:
            brake.refused(failures.cause_of(error)[1])
        else:
            brake.answered(answer)
        self._show()

    @property
    def _identity(self) -> Brake:
        return self._by_word[trust.revoke_identity.name][0]

    def _is_bugged(self) -> bool:
        return any(task.done() and task.exception() is not None for task in self._tasks)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _until(self, true: Callable[[], bool]) -> None:
        """Wait, whoever asks to stop waiting (5)."""
        while not true():
            try:
                await workflow.wait_condition(true)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None:
                    task.uncancel()
                self.on_bad_message("cancel", "a revocation is not cancelled: it goes on")

    async def _refused(self, why: str) -> ApplicationError:
        """Put a refusal on the ledger if it answers at once (7); return how the run ends."""
        agent = self._orders[0].agent if self._unknown else NO_AGENT
        asked = digest_of(workflow.info().workflow_id)  # which may be anything
        payload = {"kind": "revoke", "asked": asked, "why": [why]}
        entry = messages.EntryDraft(action=TRUST_REFUSED, agent=agent, payload=payload)
        with suppress(ActivityError):
            await specs.record(
                messages.RecordRequest(entries=(entry,)),
                activity_id="revocation/refused#1",
                summary=Markdown("record the refusal"),
                give_up_after=_A_SECOND,
            )
        kind = failures.UNKNOWN_AGENT if self._unknown else failures.REVOCATION_REFUSED
        return failures.ended(kind, why, self.receipt())

    def _show(self) -> None:
        if self._receipt is not None:
            workflow.set_current_details(self._receipt.markdown())


# Brakes that take somebody's word, and what each has to confirm.
_BRAKES: Final[tuple[tuple[specs.ActivitySpec[Any, trust.Braked], tuple[str, ...]], ...]] = (
    (trust.revoke_identity, ("vault: identity disabled", "vault: no token left")),
    (trust.revoke_guard, ("dragonfly: guard says revoked", "dragonfly: no lock")),
    (trust.record_revocation, ("ledger: revocation recorded",)),
)


def _start_ms() -> int:
    """Return the start of the run as the server tells it to the brakes (1)."""
    return (workflow.info().workflow_start_time - _EPOCH) // timedelta(milliseconds=1)
