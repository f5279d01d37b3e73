"""Waiting for an agent to end, and hearing meanwhile what the worker says.

Standard library only; runs in the keeper.

1. The agent ends by itself, is to be stopped, reaches its quota or its deadline.
2. One that is to be stopped has ``GRACE_S``, or what the worker grants it. Then the worker may
   still move its deadline, and cut the grace short by closing its end; so does its death.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from integrations.agents.keeper.channel import Channel
from integrations.agents.keeper.quota import TICK_S, Quota
from integrations.agents.processes.deadline import left_s
from integrations.agents.processes.descendants import Descendants

GRACE_S: Final = 0.5


class Ending(Enum):
    """Why an agent's tree is looked at no longer."""

    ITSELF = auto()  # the agent ended
    STOPPED = auto()  # it is to be stopped
    EXPIRED = auto()  # its deadline came
    GREEDY = auto()  # it reached its quota


class AgentWatch:
    """Waits for the end of an agent, and does what the worker says meanwhile."""

    def __init__(
        self,
        channel: Channel,
        wakeup: int,
        quota: Quota,
        deadline: float,
        move: Callable[[float], None],
    ) -> None:
        self._channel = channel
        self._wakeup = wakeup
        self._quota = quota
        self._move = move
        self.deadline = deadline
        self._granted_s: float | None = None  # of grace, in the worker's words

    def until_end(self, children: Descendants) -> Ending:
        """Wait until there is something to be done about it (1)."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while (seconds := left_s(self.deadline)) > 0:
            # Not the whole time at once: the clock of a poll stands still in a suspended machine.
            ready = [found for found, _ in poll.poll(min(seconds, TICK_S) * 1000)]
            signals = os.read(self._wakeup, 1 << 10) if self._wakeup in ready else b""
            children.reap()
            if children.agent_status is not None:
                return Ending.ITSELF
            if signal.SIGTERM in signals:
                return Ending.STOPPED
            told = self._channel.fileno() in ready
            if told and (not self._hear() or self._granted_s is not None):
                return Ending.STOPPED
            if self._quota.exceeded():
                return Ending.GREEDY
        return Ending.EXPIRED

    def until_grace_is_over(self, children: Descendants) -> None:
        """Wait for an agent that was told to end (2)."""
        if self._granted_s is None:  # nobody is left who could say more
            children.wait(min(GRACE_S, left_s(self.deadline)), lambda: self._is_over(children))
            return
        until = time.monotonic() + self._granted_s
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while time.monotonic() < until and left_s(self.deadline) > 0:
            if poll.poll(TICK_S * 1000) and not self._hear():
                return
            children.reap()
            if self._is_over(children):
                return

    def _is_over(self, children: Descendants) -> bool:
        return children.agent_status is not None or self._quota.exceeded()

    def _hear(self) -> bool:
        """Take what the worker says; False: it has closed its end."""
        messages = self._channel.further()
        for message in messages or ():
            if "grace" in message:
                self._granted_s = message["grace"]
                continue
            self.deadline = message["deadline"]
            self._move(self.deadline)
        return messages is not None
