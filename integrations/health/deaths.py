"""What the health manager of a process has found dead, and what that does to its circuits.

Dead and open come to the same: what needs the system does not begin, and waits where people see it.

1. Every look that finds a system gone counts as a call to it that failed. So its circuit opens, for
   all processes, also where nobody calls.
2. While this process finds it dead, nothing that needs it begins here, whatever its circuit says: a
   half-open one would let probes out that must fail. The first look that finds it there ends that.
3. A person's order to let everything through stands above it.
4. What a call and a look at it have found silent counts as dead for ``ABOUT_MS``, or until a look
   finds it there: by then more looks have said what it is.
5. Only of what this process can look at while its circuit is open: whoever knows an open circuit
   takes turns at looking, and would take the turn of somebody who can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import Final

from dsl.rules.health.breaker import UNKNOWN_MS, CircuitState, Outcome
from dsl.rules.health.vitality import Grade, Vitality
from integrations.errors import CircuitOpenError
from integrations.health.breaker import Breaker
from integrations.health.monitor import Vital

ABOUT_MS: Final = 2_000  # until what was counted here is told to all, and heard of


class Deaths:
    """The names of what is dead, for the circuits that ``of`` returns."""

    def __init__(self, of: Callable[[str], Breaker], looks: Container[str]) -> None:
        self._of = of
        self._looks = looks
        self._dead: set[str] = set()
        self._silent: dict[str, float] = {}  # until when

    def heard(self, vital: Vital) -> None:
        """Hear what a look has found."""
        if not vital.can_die or vital.name not in self._looks:  # (5) takes nobody's turn
            return
        if vital.grade is Grade.GONE:  # (1) a call that failed
            self._of(vital.name).note(Outcome(failed=True))
        else:
            self._silent.pop(vital.name, None)  # (4) it is there
        if vital.state is Vitality.DEAD:
            self._dead.add(vital.name)
        else:
            self._dead.discard(vital.name)

    def silent(self, name: str) -> None:
        """Hear that neither a call nor a look was answered (4)."""
        self._silent[name] = time.monotonic() + ABOUT_MS / 1000

    def refuse(self, breaker: Breaker) -> None:
        """Raise ``CircuitOpenError`` where what lies behind it is dead (2) (3)."""
        is_silent = time.monotonic() < self._silent.get(breaker.name, 0.0)
        is_dead = is_silent or breaker.name in self._dead
        if not is_dead or breaker.state is CircuitState.FORCED_CLOSED:
            return
        if breaker.state in (CircuitState.OPEN, CircuitState.FORCED_OPEN) and breaker.left_ms():
            return  # it is refused by that, which says until when
        is_about_to_open = breaker.state is CircuitState.CLOSED  # and then says until when
        left_ms = ABOUT_MS if is_about_to_open else UNKNOWN_MS
        raise CircuitOpenError(breaker.name, CircuitState.OPEN.value, left_ms)


def refused(breaker: Breaker) -> CircuitOpenError:
    """Return what to raise where a circuit lets nothing through."""
    return CircuitOpenError(breaker.name, breaker.state.value, breaker.left_ms())
