"""May a call go out to a system that has been failing? A circuit breaker, as a value.

No clock, no store: who calls brings the time. ``integrations/dragonfly/scripts/circuit.lua`` says
the same once more, where all processes share one circuit; a test holds the two equal. The rules:

1. *Closed*: every call goes out. It opens when its window holds enough calls, and the rate of
   those that failed, or of those that were slow, is reached.
2. *Open*: none does, for a while. Each time that it opens without having closed in between the
   while is twice as long, up to a limit.
3. *Half-open*, when that is over: as many probes go out as there are permits, never one more. A
   permit is a lease: of a prober that died it comes back, and counts for nothing. A permit that
   was not used is given back.
4. It opens again as soon as failed or slow probes reach their rate of all permits, and closes when
   every permit has come to something better.
5. Each change of state is a generation, and what was called under an older one counts for nothing:
   so thirty-two processes that all report the same outage open a circuit once, and none of them
   moves its wait forward.
6. A sign of life, seen by whoever may call while it is open, ends the wait: what follows is (3).
7. A person's order stands above all that until the next one. The later of two orders holds, in
   whichever sequence they arrive.
8. Done twice, nothing counts twice: a permit asked for again is the same one, and settled again it
   changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from dsl.rules.health.breaker_settings import BUCKETS, BreakerSettings

DONE: Final = 0  # in place of the end of a lease
UNKNOWN_MS: Final = -1  # nobody can say when
_DOUBLINGS_MAX: Final = 30


class CircuitState(StrEnum):
    """What a circuit does with a call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    FORCED_OPEN = "forced-open"
    FORCED_CLOSED = "forced-closed"


class CircuitOrder(StrEnum):
    """What a person may say of a circuit (7)."""

    OPEN = "open"
    CLOSE = "close"
    RESET = "reset"


OF_ORDER: Final = {
    CircuitOrder.OPEN: CircuitState.FORCED_OPEN,
    CircuitOrder.CLOSE: CircuitState.FORCED_CLOSED,
    CircuitOrder.RESET: CircuitState.CLOSED,
}
FORCED: Final = (CircuitState.FORCED_OPEN, CircuitState.FORCED_CLOSED)
THROUGH: Final = (CircuitState.CLOSED, CircuitState.FORCED_CLOSED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call has come to."""

    failed: bool = False
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Circuit:
    """One circuit as it is now."""

    state: CircuitState = CircuitState.CLOSED
    generation: int = 0
    since_ms: int = 0
    opens: int = 0  # since it was closed
    calls: tuple[Outcome, ...] = ()  # a window of calls, oldest first
    buckets: tuple[tuple[int, int, int, int], ...] = ()  # one in time: number, calls, failed, slow
    permits: tuple[tuple[str, int], ...] = ()  # who, and until when, or DONE
    failed: int = 0  # of the probes
    slow: int = 0
    order: int = 0  # when a person last said something (7)


class Probe(NamedTuple):
    """What a probe is known by."""

    generation: int
    permit: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a call may go out, and if not, when to ask again."""

    is_given: bool
    is_probe: bool = False
    left_ms: int = 0  # UNKNOWN_MS: until somebody says otherwise


def ask(
    circuit: Circuit, settings: BreakerSettings, now_ms: int, permit: str
) -> tuple[Circuit, Leave]:
    """Return whether a call may go out now; ``permit`` is what a probe would be known by."""
    circuit = waited(circuit, settings, now_ms)
    if circuit.state in THROUGH:
        return circuit, Leave(is_given=True)
    if circuit.state is CircuitState.HALF_OPEN:
        return _probe(circuit, settings, now_ms, permit)
    return circuit, Leave(is_given=False, left_ms=left_ms(circuit, settings, now_ms))


def count(
    circuit: Circuit,
    settings: BreakerSettings,
    now_ms: int,
    generation: int,
    outcomes: Iterable[Outcome],
) -> Circuit:
    """Take what calls have come to that went out under ``generation`` (1) (5)."""
    if circuit.state is not CircuitState.CLOSED or generation != circuit.generation:
        return circuit
    came = tuple(outcomes)
    if settings.window_calls:
        kept = (*circuit.calls, *came)[-settings.window_calls :]
        circuit = replace(circuit, calls=kept)
        seen = len(kept), sum(each.failed for each in kept), sum(each.slow for each in kept)
    else:
        circuit = replace(circuit, buckets=_slid(circuit, settings, now_ms, came))
        seen = tuple(sum(bucket[at] for bucket in circuit.buckets) for at in (1, 2, 3))  # type: ignore[assignment]  # three of them
    calls, failed, slow = seen
    if calls >= settings.minimum_calls and _is_reached(settings, failed, slow, calls):
        return _opened(circuit, now_ms)
    return circuit


def settle(
    circuit: Circuit,
    settings: BreakerSettings,
    now_ms: int,
    probe: Probe,
    outcome: Outcome | None,
) -> Circuit:
    """Take what a probe has come to; None: it was not used (3) (4)."""
    generation, permit = probe
    if circuit.state is not CircuitState.HALF_OPEN or generation != circuit.generation:
        return circuit
    # (3) (8) it came back, or was settled before
    if (until := dict(circuit.permits).get(permit, DONE)) == DONE or until <= now_ms:
        return circuit
    others = tuple(each for each in circuit.permits if each[0] != permit)
    if outcome is None:
        return replace(circuit, permits=others)
    circuit = replace(
        circuit,
        permits=(*others, (permit, DONE)),
        failed=circuit.failed + outcome.failed,
        slow=circuit.slow + outcome.slow,
    )
    # (4) too bad to close
    if _is_reached(settings, circuit.failed, circuit.slow, settings.permits):
        return _opened(circuit, now_ms)
    if _done(circuit) >= settings.permits:
        return _changed(circuit, CircuitState.CLOSED, now_ms, opens=0)
    return circuit


def alive(circuit: Circuit, now_ms: int, generation: int) -> Circuit:
    """Take a sign of life that was asked for under ``generation`` (6)."""
    if circuit.state is not CircuitState.OPEN or generation != circuit.generation:
        return circuit
    return _changed(circuit, CircuitState.HALF_OPEN, now_ms, opens=circuit.opens)


def obey(circuit: Circuit, now_ms: int, order: CircuitOrder, given_ms: int) -> Circuit:
    """Take a person's order, given at ``given_ms`` (7)."""
    if given_ms <= circuit.order:
        return circuit
    changed = _changed(circuit, OF_ORDER[order], now_ms, opens=0)
    return replace(changed, order=given_ms)


def waited(circuit: Circuit, settings: BreakerSettings, now_ms: int) -> Circuit:
    """Return what time alone has made of the circuit (3)."""
    if circuit.state is CircuitState.OPEN and not left_ms(circuit, settings, now_ms):
        return _changed(circuit, CircuitState.HALF_OPEN, now_ms, opens=circuit.opens)
    if circuit.state is CircuitState.HALF_OPEN and _done(circuit) >= settings.permits:
        # Whoever let the probes out goes by more permits than whoever asks now.
        return _changed(circuit, CircuitState.CLOSED, now_ms, opens=0)
    return circuit


def left_ms(circuit: Circuit, settings: BreakerSettings, now_ms: int) -> int:
    """Return how long calls are refused from now on, as far as that is known."""
    if circuit.state is CircuitState.FORCED_OPEN:
        return UNKNOWN_MS
    if circuit.state is CircuitState.OPEN:
        # (2) twice as long each time
        wait = settings.wait_ms << min(max(circuit.opens - 1, 0), _DOUBLINGS_MAX)
        return max(0, circuit.since_ms + min(wait, settings.wait_max_ms) - now_ms)
    if circuit.state is CircuitState.HALF_OPEN:
        held = _held(circuit, now_ms)
        if len(held) >= settings.permits:
            return min((until - now_ms for _, until in held if until != DONE), default=0)
    return 0


def _probe(
    circuit: Circuit, settings: BreakerSettings, now_ms: int, permit: str
) -> tuple[Circuit, Leave]:
    held = _held(circuit, now_ms)
    circuit = replace(circuit, permits=held)
    if permit in dict(held):  # (8) asked again
        return circuit, Leave(is_given=True, is_probe=True)
    if len(held) >= settings.permits:  # (3) never one more
        return circuit, Leave(is_given=False, left_ms=left_ms(circuit, settings, now_ms))
    leased = (*held, (permit, now_ms + settings.lease_ms))
    return replace(circuit, permits=leased), Leave(is_given=True, is_probe=True)


def _held(circuit: Circuit, now_ms: int) -> tuple[tuple[str, int], ...]:
    """Return the permits that are not to be had: used, or leased (3)."""
    return tuple(each for each in circuit.permits if each[1] == DONE or each[1] > now_ms)


def _done(circuit: Circuit) -> int:
    return sum(until == DONE for _, until in circuit.permits)


def _is_reached(settings: BreakerSettings, failed: int, slow: int, of: int) -> bool:
    return failed * 100 >= settings.failure_rate * of or slow * 100 >= settings.slow_rate * of


def _slid(
    circuit: Circuit, settings: BreakerSettings, now_ms: int, came: tuple[Outcome, ...]
) -> tuple[tuple[int, int, int, int], ...]:
    number = now_ms // settings.bucket_ms
    buckets = {each[0]: each[1:] for each in circuit.buckets if each[0] > number - BUCKETS}
    calls, failed, slow = buckets.get(number, (0, 0, 0))
    buckets[number] = (
        calls + len(came),
        failed + sum(each.failed for each in came),
        slow + sum(each.slow for each in came),
    )
    return tuple((key, *buckets[key]) for key in sorted(buckets))


def _opened(circuit: Circuit, now_ms: int) -> Circuit:
    return _changed(circuit, CircuitState.OPEN, now_ms, opens=circuit.opens + 1)


def _changed(circuit: Circuit, state: CircuitState, now_ms: int, *, opens: int) -> Circuit:
    """Return the circuit in another state: window and permits were of the old one (5)."""
    # The clock keeps generations apart where a store has lost the count.
    generation = max(circuit.generation + 1, now_ms)
    return Circuit(state, generation, now_ms, opens, order=circuit.order)
