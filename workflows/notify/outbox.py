"""Messages to one destination: in their order, each until it is there, once.

1. One at a time: what is edited is edited in order. No destination waits for another.
2. A message that cannot be delivered now is tried again by Temporal, as its destination says. One
   that is refused (a token that was taken back, a channel that is gone) is tried again ever more
   seldom (``dsl.rules.notify.waits``), for somebody may mend that. Neither goes on beyond
   ``NOTIFY_GIVE_UP_MS``, counted from when the message came.
3. A try after the first says so: it may be there already, and then it is not sent again.
4. Of messages that only show the run as it is now, the newest is enough.
5. ``NOTIFY_QUEUED_MAX`` wait; then the oldest gives way, and that is counted.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts.notify.specs import (
    DeliverRequest,
    Outgoing,
    QueuedMessages,
    deliver,
)
from dsl.limits import NOTIFY_GIVE_UP_MS, NOTIFY_QUEUED_MAX
from dsl.rules.notify.waits import wait_ms
from dsl.shown.surfaces import Markdown
from workflows.runtime import failures
from workflows.runtime.moment import now_ms


class Outbox:
    """What one destination is still to be told."""

    def __init__(self, to: str, before: QueuedMessages) -> None:
        self.trouble = ""  # why the message at the head is not there yet
        self._to = to
        self._known = before.known
        self._waiting = deque(before.waiting)
        self._has_board = before.has_board
        self._delivered = before.delivered
        self._lost = before.lost
        self._tries = before.tries  # of the message at the head
        self._is_sleeping = False
        self._is_closed = False

    def put(self, message: Outgoing) -> None:
        """Have a message wait for its turn."""
        if message.event is None:
            if not self._has_board:
                return
            # (4) the newest is enough; the one at the head may be under way
            if len(self._waiting) > 1 and self._waiting[-1].event is None:
                self._waiting.pop()
        if len(self._waiting) >= NOTIFY_QUEUED_MAX:  # (5) the oldest but the one under way
            del self._waiting[1]
            self._lost += 1
        self._waiting.append(message.model_copy(update={"since_ms": now_ms()}))

    def close(self) -> None:
        """Have it end when all is delivered: nothing more comes."""
        self._is_closed = True

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing waits, or what does only waits to be tried again."""
        return not self._waiting or self._is_sleeping

    def state(self) -> QueuedMessages:
        """Return all that another workflow needs to go on."""
        return QueuedMessages(
            known=self._known,
            waiting=tuple(self._waiting),
            has_board=self._has_board,
            delivered=self._delivered,
            lost=self._lost,
            tries=self._tries,
        )

    async def run(self) -> None:
        """Deliver, one after the other (1), until closed."""
        while True:
            await workflow.wait_condition(lambda: bool(self._waiting) or self._is_closed)
            if not self._waiting:
                return
            head = self._waiting[0]
            if await self._delivers(head):
                self._delivered += 1
            else:
                self._lost += 1
            self.trouble, self._tries = "", 0
            self._waiting.popleft()

    async def _delivers(self, message: Outgoing) -> bool:
        """Return whether it is there; False: given up."""
        until = (message.since_ms or now_ms()) + NOTIFY_GIVE_UP_MS
        number = self._delivered + self._lost + 1
        while (left := timedelta(milliseconds=until - now_ms())) > timedelta():
            self._tries += 1
            what = message.event.kind if message.event else "board"
            try:
                there = await deliver(
                    DeliverRequest(
                        to=self._to,
                        message=message,
                        known=self._known,
                        again=self._tries > 1,  # (3) it may be there already
                    ),
                    activity_id=f"{self._to}/{number}#{self._tries}",
                    summary=Markdown.of("{} to {}", what, self._to),
                    give_up_after=left,
                )
            except ActivityError as error:  # (2) somebody may mend it
                self.trouble = failures.cause_of(error)[1]
                await self._sleep(min(timedelta(milliseconds=wait_ms(self._tries)), left))
                continue
            self._known, self._has_board = there.known, there.has_board
            return True
        return False

    async def _sleep(self, wait: timedelta) -> None:
        self._is_sleeping = True
        try:
            summary = Markdown.of("{} refuses: {}", self._to, self.trouble)
            await workflow.sleep(wait, summary=summary)
        finally:
            self._is_sleeping = False
