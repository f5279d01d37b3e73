"""One circuit as one process has it: what is known of it, and what calls came to.

``breakers`` beside it has them all, and speaks to the store. The rules:

1. What is counted is told later: until then it is kept here, from whatever thread it comes.
2. A call that was answered has gone well, whatever the answer. A failure is no answer, and nothing
   but ``UnavailableError`` says so. A call that was cancelled says nothing, unless it was slow.
3. The first call under a permit settles it. Calls under way when the circuit opened settle nothing.
4. A call that went well and began while the circuit was open is a sign of life.
5. Without the store the circuit is counted here alone, from closed on: a breaker protects others,
   and lets through what it does not know. A person's order that was heard stands meanwhile, and is
   told again to a store that has lost it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from dsl.limits import BREAKER_CALLS_MAX
from dsl.rules.health import breaker as rules
from dsl.rules.health.breaker import Circuit, CircuitOrder, CircuitState, Outcome, Probe
from dsl.rules.health.breaker_settings import BreakerSettings
from integrations.dragonfly.circuits import CircuitReading, CircuitReport, letter
from integrations.errors import IntegrationError, UnavailableError

_GOOD: Final = Outcome()
_LATE_MS_MAX: Final = 1_000  # more than that is another clock
_ORDERED: Final = {state: order for order, state in rules.OF_ORDER.items()}


@dataclass(slots=True)
class Permit:
    """Leave for one probe."""

    name: str
    probe: Probe
    is_alone: bool  # given here, and not by the store
    outcome: Outcome | None = None
    is_over: bool = False


held: ContextVar[Mapping[str, Permit]] = ContextVar("permits", default=MappingProxyType({}))


@dataclass(slots=True)
class _Counts:
    calls: int = 0
    failed: int = 0
    slow: int = 0
    last: deque[str] = field(default_factory=lambda: deque(maxlen=BREAKER_CALLS_MAX))

    def take(self, outcome: Outcome) -> None:
        self.calls += 1
        self.failed += outcome.failed
        self.slow += outcome.slow
        self.last.append(letter(outcome))


class Breaker:
    """One circuit."""

    def __init__(
        self, name: str, settings: BreakerSettings, *, is_shared: bool, news: Callable[[], None]
    ) -> None:
        """Begin with a closed one; ``news`` is told when there is something to tell the store."""
        self.name = name
        self.settings = settings
        self.is_shared = is_shared
        self._news = news
        self._lock = threading.Lock()
        self._counts = _Counts()  # (1) told later
        self._number = 0
        self._reading: CircuitReading | None = None
        self._read_at = 0.0
        self._looks = False
        self._said_order = 0  # the last one that the store knew of
        self._alone: Circuit | None = None if is_shared else Circuit()  # (5) counted here alone
        self._order: tuple[CircuitOrder, int] | None = None
        self._settled: list[Permit] = []
        self._alive_in: int | None = None  # (4) a sign of life was seen

    @property
    def state(self) -> CircuitState:
        """What it does with a call, as far as this process knows."""
        return self._known()[0]

    @property
    def is_alone(self) -> bool:
        """Whether it is counted in this process alone."""
        return self._alone is not None

    @property
    def is_heard(self) -> bool:
        """Whether it is known here what others know of it, or nobody else does."""
        return self._reading is not None or self._alone is not None

    @property
    def has_news(self) -> bool:
        """Whether there is something to tell, or to ask again and again."""
        with self._lock:
            if self._settled or self._alive_in is not None:
                return True
        is_told = self._counts.calls > 0
        return is_told or self.state not in rules.THROUGH or self.lost_order() is not None

    def left_ms(self) -> int:
        """Return how long calls are refused from now on, as far as that is known."""
        with self._lock:
            alone, reading = self._alone, self._reading
            if alone is not None and not self._is_forced():
                return rules.left_ms(alone, self.settings, _now_ms())
        if reading is None or reading.left_ms < 0:
            return rules.UNKNOWN_MS
        return max(0, reading.left_ms - int((time.monotonic() - self._read_at) * 1000))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch a call to what lies behind it; it is never refused here."""
        state, generation = self._known()
        permit = held.get().get(self.name)
        began = time.monotonic()
        try:
            yield
        except UnavailableError:  # (2) no answer
            self._came(state, generation, permit, self._outcome(began, failed=True))
            raise
        except IntegrationError:
            self._came(state, generation, permit, self._outcome(began))
            raise
        except BaseException:
            outcome = self._outcome(began)
            if outcome.slow:
                self._came(state, generation, permit, outcome)
            raise
        self._came(state, generation, permit, self._outcome(began))

    def note(self, outcome: Outcome) -> None:
        """Count something that is known to have come to ``outcome``, and was no call of ours."""
        self._came(*self._known(), held.get().get(self.name), outcome)

    def ask_alone(self, permit: str) -> tuple[bool, Permit | None]:
        """Tell whether work may begin, by what is known here alone."""
        if self._is_forced():
            return self.state in rules.THROUGH, None
        with self._lock:
            self._alone, leave = rules.ask(
                self._alone or Circuit(), self.settings, _now_ms(), permit
            )
            probe = Probe(self._alone.generation, permit)
        return leave.is_given, Permit(self.name, probe, is_alone=True) if leave.is_probe else None

    def over(self, permit: Permit) -> None:
        """Give back a permit whose work is over, unless a call has settled it."""
        with self._lock:
            if permit.is_over:
                return
            permit.is_over = True
        self._settle(permit)

    def report(self, worker: str) -> CircuitReport:
        """Return what there is to tell, which is told by that."""
        with self._lock:
            counts, self._counts = self._counts, _Counts()
            self._number += 1
        _, generation = self._known()
        return CircuitReport(
            name=self.name,
            settings=self.settings,
            generation=generation,
            worker=worker,
            number=self._number,
            calls=counts.calls,
            failed=counts.failed,
            slow=counts.slow,
            last="".join(counts.last),
            looks=self.state is CircuitState.OPEN,
        )

    def learned(self, reading: CircuitReading) -> None:
        """Take what the store has said."""
        self._looks, self._said_order = self._looks or reading.may_look, reading.order
        if self.lost_order() is not None:
            return  # it has forgotten what a person has said
        if self._reading is not None and 0 < self._reading.now_ms - reading.now_ms < _LATE_MS_MAX:
            return  # it was overtaken on the way
        forced = reading.state in rules.FORCED
        self._order = (_ORDERED[reading.state], reading.order) if forced else None
        with self._lock:
            self._reading, self._read_at = reading, time.monotonic()
            if self.is_shared:
                self._alone = None

    def lost_order(self) -> tuple[CircuitOrder, int] | None:
        """Return the order that the store has forgotten (5)."""
        lost = self._order is not None and self._said_order < self._order[1]
        return self._order if lost else None

    def lost(self) -> None:
        """Go on without the store (5)."""
        with self._lock:
            self._alone = self._alone or Circuit()

    def take_settled(self) -> list[Permit]:
        """Return the permits that are to be told of as settled."""
        with self._lock:
            settled, self._settled = self._settled, []
        return settled

    def untold(self, settled: Sequence[Permit], alive: int | None) -> None:
        """Take back what was taken to be told, and was not."""
        with self._lock:
            self._settled = [*settled, *self._settled]
            self._alive_in = self._alive_in if alive is None else alive

    def take_alive(self) -> int | None:
        """Return the generation of which a sign of life is to be told (4)."""
        with self._lock:
            alive, self._alive_in = self._alive_in, None
        return alive

    def take_look(self) -> bool:
        """Tell whether this process is to look now whether the system lives."""
        looks, self._looks = self._looks or self.is_alone, False
        return looks and self.state is CircuitState.OPEN

    def _known(self) -> tuple[CircuitState, int]:
        with self._lock:
            if self._alone is not None and not self._is_forced():
                self._alone = rules.waited(self._alone, self.settings, _now_ms())
                return self._alone.state, self._alone.generation
            if self._reading is None:
                return CircuitState.CLOSED, 0
            return self._reading.state, self._reading.generation

    def _is_forced(self) -> bool:
        return self._reading is not None and self._reading.state in rules.FORCED

    def _outcome(self, began: float, *, failed: bool = False) -> Outcome:
        took_ms = (time.monotonic() - began) * 1000
        return Outcome(failed=failed, slow=took_ms >= self.settings.slow_after_ms)

    def _came(
        self, state: CircuitState, generation: int, permit: Permit | None, outcome: Outcome
    ) -> None:
        with self._lock:
            settles = permit is not None and not permit.is_over
            if settles and permit is not None:
                permit.is_over, permit.outcome = True, outcome  # (3) the first call settles it
        if settles and permit is not None:
            self._settle(permit)
        elif state is CircuitState.OPEN and outcome == _GOOD:  # (4) a sign of life
            self._is_alive(generation)
        elif state is CircuitState.CLOSED:
            self._count(generation, outcome)

    def _count(self, generation: int, outcome: Outcome) -> None:
        with self._lock:
            if self._alone is not None:
                self._alone = rules.count(
                    self._alone, self.settings, _now_ms(), generation, [outcome]
                )
                is_news = self._alone.state is CircuitState.OPEN
            else:
                self._counts.take(outcome)
                is_news = self._counts.calls == 1
        if is_news:
            self._news()

    def _is_alive(self, generation: int) -> None:
        with self._lock:
            if self._alone is not None:
                self._alone = rules.alive(self._alone, _now_ms(), generation)
                return
            self._alive_in = generation
        self._news()

    def _settle(self, permit: Permit) -> None:
        with self._lock:
            if permit.is_alone and self._alone is not None:
                self._alone = rules.settle(
                    self._alone, self.settings, _now_ms(), permit.probe, permit.outcome
                )
            if permit.is_alone:
                return
            self._settled.append(permit)
        self._news()


def _now_ms() -> int:
    return int(time.monotonic() * 1000)
