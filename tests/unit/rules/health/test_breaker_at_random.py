"""The circuit breaker against a plain model, which remembers everything and counts it anew."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dsl.rules.health import breaker
from dsl.rules.health.breaker import Circuit, CircuitOrder, CircuitState, Outcome, Probe
from dsl.rules.health.breaker_settings import BUCKETS, BreakerSettings
from tests.fixtures.search import inputs, many

SEARCHES, STEPS = 200, 50  # 10,000 steps in every run of the tests, which is no share of them

outcomes = st.builds(Outcome, failed=st.booleans(), slow=st.booleans())
callers = st.sampled_from("abcdefgh")


@st.composite
def any_settings(draw):
    calls = draw(st.integers(0, 8))
    return BreakerSettings(
        window_calls=calls,
        window_ms=0 if calls else draw(st.sampled_from([10, 55, 200])),
        minimum_calls=draw(st.integers(1, calls or 5)),
        failure_rate=draw(st.integers(1, 100)),
        slow_rate=draw(st.integers(1, 100)),
        wait_ms=draw(st.integers(1, 40)),
        wait_max_ms=draw(st.integers(40, 200)),
        permits=draw(st.integers(1, 4)),
        lease_ms=draw(st.integers(1, 60)),
    )


class Plain:
    """All that ever happened to one circuit, and what follows from it, looked up each time."""

    def __init__(self, rules: BreakerSettings) -> None:
        self.rules = rules
        self.states = [(CircuitState.CLOSED, 0)]  # and since when
        self.calls: list[tuple[int, int, Outcome]] = []  # in which state, when
        self.probes: list[dict[str, Any]] = []
        self.last_order = 0

    @property
    def state(self):
        return self.states[-1][0]

    def go(self, state, now):
        self.states.append((state, now))

    def opens(self):
        """How often it has opened since it was last closed or ordered about."""
        count = 0
        for state, _ in reversed(self.states):
            if state not in (CircuitState.OPEN, CircuitState.HALF_OPEN):
                break
            count += state is CircuitState.OPEN
        return count

    def wait_is_over(self, now):
        wait = self.rules.wait_ms
        for _ in range(self.opens() - 1):
            wait = min(2 * wait, self.rules.wait_max_ms)
        return now >= self.states[-1][1] + min(wait, self.rules.wait_max_ms)

    def taken(self, now):
        era = len(self.states)
        mine = [probe for probe in self.probes if probe["era"] == era]
        return [each for each in mine if each["outcome"] or each["until"] > now]

    def too_bad(self, seen, of):
        failed = sum(each.failed for each in seen)
        slow = sum(each.slow for each in seen)
        return (
            failed / of * 100 >= self.rules.failure_rate or slow / of * 100 >= self.rules.slow_rate
        )

    def ask(self, now, caller):
        if self.state is CircuitState.OPEN and self.wait_is_over(now):
            self.go(CircuitState.HALF_OPEN, now)
        if self.state in (CircuitState.CLOSED, CircuitState.FORCED_CLOSED):
            return True
        if self.state is not CircuitState.HALF_OPEN:
            return False
        taken = self.taken(now)
        if any(each["caller"] == caller for each in taken):
            return True
        if len(taken) >= self.rules.permits:
            return False
        until = now + self.rules.lease_ms
        self.probes.append(
            {"era": len(self.states), "caller": caller, "until": until, "outcome": None}
        )
        return True

    def count(self, now, came):
        if self.state is not CircuitState.CLOSED:
            return
        self.calls += [(len(self.states), now, each) for each in came]
        mine = [(when, each) for era, when, each in self.calls if era == len(self.states)]
        if self.rules.window_calls:
            seen = [each for _, each in mine][-self.rules.window_calls :]
        else:
            width = self.rules.window_ms // BUCKETS
            oldest = now // width - BUCKETS + 1
            seen = [each for when, each in mine if when // width >= oldest]
        if len(seen) >= self.rules.minimum_calls and self.too_bad(seen, len(seen)):
            self.go(CircuitState.OPEN, now)

    def settle(self, now, caller, outcome):
        if self.state is not CircuitState.HALF_OPEN:
            return
        found = [
            each
            for each in self.taken(now)
            if each["caller"] == caller and not each["outcome"] and each["until"] > now
        ]
        if not found:
            return
        if outcome is None:
            self.probes.remove(found[0])
            return
        found[0]["outcome"] = outcome
        done = [each["outcome"] for each in self.taken(now) if each["outcome"]]
        if self.too_bad(done, self.rules.permits):
            self.go(CircuitState.OPEN, now)
        elif len(done) == self.rules.permits:
            self.go(CircuitState.CLOSED, now)

    def obey(self, now, order, given):
        if given <= self.last_order:
            return
        self.last_order = given
        self.go(
            {
                CircuitOrder.OPEN: CircuitState.FORCED_OPEN,
                CircuitOrder.CLOSE: CircuitState.FORCED_CLOSED,
                CircuitOrder.RESET: CircuitState.CLOSED,
            }[order],
            now,
        )


class BreakerMachine(RuleBasedStateMachine):
    @initialize(rules=any_settings())
    def begin(self, rules):
        self.set, self.now = rules, 10_000
        self.circuit, self.plain = Circuit(), Plain(rules)
        self.old: list[int] = []  # generations that are over

    def become(self, circuit):
        if circuit.generation != self.circuit.generation:
            assert circuit.generation > self.circuit.generation
            self.old.append(self.circuit.generation)
        self.circuit = circuit

    @rule(passed=st.integers(0, 60))
    def time_passes(self, passed):
        self.now += passed

    @rule(caller=callers)
    def somebody_asks(self, caller):
        circuit, leave = breaker.ask(self.circuit, self.set, self.now, caller)
        self.become(circuit)
        assert leave.is_given is self.plain.ask(self.now, caller)
        assert leave.is_given or leave.left_ms == breaker.UNKNOWN_MS or leave.left_ms > 0

    @rule(came=st.lists(outcomes, max_size=4))
    def calls_came_to_something(self, came):
        generation = self.circuit.generation
        self.become(breaker.count(self.circuit, self.set, self.now, generation, came))
        self.plain.count(self.now, came)

    @rule(caller=callers, outcome=st.none() | outcomes)
    def a_probe_is_settled(self, caller, outcome):
        probe = Probe(self.circuit.generation, caller)
        self.become(breaker.settle(self.circuit, self.set, self.now, probe, outcome))
        self.plain.settle(self.now, caller, outcome)

    @rule(caller=callers, came=st.lists(outcomes, min_size=1, max_size=4), data=st.data())
    def old_news_change_nothing(self, caller, came, data):
        if not self.old:
            return
        generation = data.draw(st.sampled_from(self.old))
        probe = Probe(generation, caller)
        counted = breaker.count(self.circuit, self.set, self.now, generation, came)
        settled = breaker.settle(self.circuit, self.set, self.now, probe, came[0])
        assert counted == settled == self.circuit
        assert breaker.alive(self.circuit, self.now, generation) == self.circuit

    @rule()
    def it_is_seen_to_live(self):
        self.become(breaker.alive(self.circuit, self.now, self.circuit.generation))
        if self.plain.state is CircuitState.OPEN:
            self.plain.go(CircuitState.HALF_OPEN, self.now)

    @rule(order=st.sampled_from(CircuitOrder), given=st.integers(1, 20))
    def a_person_says_something(self, order, given):
        self.become(breaker.obey(self.circuit, self.now, order, given))
        self.plain.obey(self.now, order, given)

    @invariant()
    def both_are_in_the_same_state(self):
        if hasattr(self, "circuit"):
            assert self.circuit.state is self.plain.state

    @invariant()
    def never_more_probes_than_permits(self):
        if hasattr(self, "circuit"):
            out = [each for each in self.circuit.permits if not 0 < each[1] <= self.now]
            assert len(out) <= self.set.permits


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(
    inputs(SEARCHES), max_examples=max(SEARCHES, many(SEARCHES)), stateful_step_count=STEPS
)
