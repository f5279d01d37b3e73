"""Notification: tells people of one run, beside it and after its end.

A run starts it and asks nothing of it: it looks at the run from outside, and what it does, waits
for or fails at is in no history but its own (docs/adr/0046).

1. It follows the run it was started for until that has ended, and ends when all is delivered. What
   a reset makes of the run is another run, which starts another.
2. What has happened is decided by ``dsl.rules.notify.changes`` from two looks, and told once.
3. Who is slow or away is waited for alone; see ``workflows.notify.outbox``.
4. A long history is left behind between two messages, also while one only waits to be tried
   again, and all that is known goes on; unless too much waits to go on in one request.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from dsl.shown.surfaces import Markdown

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError
    from temporalio.exceptions import ActivityError

    from activities.contracts.notify.specs import (
        NOTIFICATION_WORKFLOW,
        NotificationRequest,
        Observed,
        ObserveRequest,
        Outgoing,
        QueuedMessages,
        observe,
    )
    from dsl.limits import NOTIFY_CARRIED_BYTES_MAX
    from dsl.rules.notify.changes import changes
    from dsl.values.model_faults import fault_of
    from dsl.values.sizes import wire_bytes
    from workflows.messages.inputs import MessageError, decode
    from workflows.notify.outbox import Outbox
    from workflows.runtime import failures

_USE = "a run whose pipeline has notify: starts it, nobody else has to"


@workflow.defn(name=NOTIFICATION_WORKFLOW, sandboxed=False)  # docs/adr/0008
class Notification:
    """What people are told of one run."""

    def __init__(self) -> None:
        self._boxes: dict[str, Outbox] = {}

    @workflow.run
    async def run(self, payload: RawValue = None) -> dict[str, Any]:  # type: ignore[assignment]  # must be exactly RawValue
        """Follow the run; return what was delivered, by destination."""
        try:
            wanted = NotificationRequest.model_validate(decode([payload]))
        except ValidationError as error:
            raise failures.invalid(f"{fault_of(error)}: {_USE}") from None
        except MessageError as error:
            raise failures.invalid(f"{error}: {_USE}") from None
        self._boxes = {
            each.to: Outbox(each.to, wanted.queues.get(each.to, QueuedMessages()))
            for each in wanted.notify
        }
        telling = [asyncio.create_task(box.run()) for box in self._boxes.values()]
        why = await self._follow(wanted)
        for box in self._boxes.values():
            box.close()
        await asyncio.gather(*telling)  # (1) ends when all is delivered
        return {"told": {to: _account(box) for to, box in self._boxes.items()}, "why": why}

    @workflow.query(description="What each destination has been told, and what keeps the rest")
    def status(self) -> dict[str, Any]:
        """Return what waits, and why."""
        return {to: {**_account(box), "trouble": box.trouble} for to, box in self._boxes.items()}

    def page(self) -> Markdown:
        """Return what the Web UI shows of it."""
        lines = [
            Markdown.of(
                "- {}: {} delivered, {} waiting{}",
                to,
                box.state().delivered,
                len(box.state().waiting),
                Markdown.of(": {}", box.trouble) if box.trouble else Markdown(),
            )
            for to, box in sorted(self._boxes.items())
        ]
        return Markdown.joined("\n", [Markdown("### Told\n"), *lines])

    def on_bad_message(self, name: str, why: str) -> None:
        """Say nothing: nobody sends signals here."""

    async def _follow(self, wanted: NotificationRequest) -> str:
        """Look until the run has ended; return why it was followed no further."""
        seen, cursor, number = wanted.seen, wanted.cursor, 0
        while seen is None or not seen.ended:
            if self._may_go_on_anew():  # (4) between two messages
                queues = {to: box.state() for to, box in self._boxes.items()}
                fresh = {"seen": seen, "cursor": cursor, "queues": queues}
                workflow.continue_as_new(wanted.model_copy(update=fresh).model_dump(mode="json"))
            number += 1
            try:
                found = await self._look(
                    wanted,
                    number,
                    ObserveRequest(
                        workflow=wanted.workflow,
                        run=wanted.run,
                        subject=wanted.subject,
                        seen=seen,
                        cursor=cursor,
                    ),
                )
            except ActivityError as error:
                return failures.cause_of(error)[1]
            for plan in wanted.notify:
                box = self._boxes[plan.to]
                told = [each for each in changes(seen, found.now) if each.kind in plan.when]
                for event in told:  # (2) each once
                    box.put(Outgoing(event=event, run=found.now))
                if not told:
                    box.put(Outgoing(run=found.now))
            seen, cursor = found.now, found.cursor
        return ""

    async def _look(
        self, wanted: NotificationRequest, number: int, ask: ObserveRequest
    ) -> Observed:
        return await observe(
            ask,
            activity_id=f"observe#{number}",
            summary=Markdown.of("look at {}", wanted.workflow),
        )

    def _may_go_on_anew(self) -> bool:
        if not workflow.info().is_continue_as_new_suggested():
            return False
        if not all(box.is_at_rest for box in self._boxes.values()):
            return False
        states = [box.state().model_dump(mode="json") for box in self._boxes.values()]
        return wire_bytes(states) <= NOTIFY_CARRIED_BYTES_MAX


def _account(box: Outbox) -> dict[str, int]:
    state = box.state()
    return {"delivered": state.delivered, "waiting": len(state.waiting), "lost": state.lost}
