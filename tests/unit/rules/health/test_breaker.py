"""The circuit breaker, rule by rule: when it opens, what it lets through, how it closes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsl.rules.health.breaker import (
    UNKNOWN_MS,
    Circuit,
    CircuitOrder,
    CircuitState,
    Outcome,
    Probe,
    alive,
    ask,
    count,
    left_ms,
    obey,
    settle,
)
from dsl.rules.health.breaker_settings import BreakerSettings

GOOD, BAD, SLOW = Outcome(), Outcome(failed=True), Outcome(slow=True)
SETTINGS = BreakerSettings(
    window_ms=1_000, minimum_calls=4, wait_ms=100, wait_max_ms=400, permits=3, lease_ms=50
)
NOW = 1_000_000


def told(outcomes, settings=SETTINGS, now=NOW, circuit=None):
    circuit = circuit or Circuit()
    return count(circuit, settings, now, circuit.generation, outcomes)


def opened(settings=SETTINGS):
    return told([BAD] * 10, settings)


def probing(many, settings=SETTINGS, now=NOW + 100):
    circuit = opened(settings)
    for number in range(many):
        circuit, leave = ask(circuit, settings, now, f"p{number}")
        assert leave.is_probe
    return circuit


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([BAD] * 3, CircuitState.CLOSED),  # too few
        ([BAD] * 2 + [GOOD] * 2, CircuitState.OPEN),  # half of them, as many as it takes
        ([BAD] * 2 + [GOOD] * 3, CircuitState.CLOSED),
        ([SLOW] * 4, CircuitState.OPEN),
        ([SLOW] * 4 + [GOOD], CircuitState.CLOSED),  # all have to be slow
        ([Outcome(failed=True, slow=True)] + [GOOD] * 3, CircuitState.CLOSED),
    ],
)
def test_it_opens_when_a_rate_is_reached_among_enough_calls(outcomes, state):
    assert told(outcomes).state is state
    calls = replace(SETTINGS, window_ms=0, window_calls=10)
    assert told(outcomes, calls).state is state


def test_what_is_older_than_the_window_is_forgotten():
    circuit = told([BAD] * 3)
    assert told([BAD], now=NOW + 2_000, circuit=circuit).state is CircuitState.CLOSED
    calls = replace(SETTINGS, window_ms=0, window_calls=4)
    circuit = told([BAD, BAD, *[GOOD] * 1], calls)
    circuit = told([GOOD] * 4, replace(calls, failure_rate=75), circuit=circuit)
    assert told([BAD], calls, circuit=circuit).state is CircuitState.CLOSED


def test_an_open_circuit_refuses_and_says_for_how_long():
    circuit, leave = ask(opened(), SETTINGS, NOW + 30, "p")
    assert (leave.is_given, leave.left_ms) == (False, 70)
    assert circuit.state is CircuitState.OPEN


def test_thirty_two_processes_that_report_one_outage_open_it_once_and_it_half_opens_on_time():
    circuit = told([GOOD])
    generation = circuit.generation
    for worker in range(32):
        circuit = count(circuit, SETTINGS, NOW + worker, generation, [BAD] * 4)
    assert (circuit.since_ms, circuit.opens) == (NOW, 1)
    assert not ask(circuit, SETTINGS, NOW + 99, "p")[1].is_given
    assert ask(circuit, SETTINGS, NOW + 100, "p")[1].is_probe


def test_exactly_as_many_probes_go_out_as_there_are_permits():
    circuit, given = opened(), 0
    for caller in range(20):
        circuit, leave = ask(circuit, SETTINGS, NOW + 100, f"c{caller}")
        given += leave.is_given
    assert given == SETTINGS.permits
    circuit = settle(circuit, SETTINGS, NOW + 101, Probe(circuit.generation, "c0"), GOOD)
    assert not ask(circuit, SETTINGS, NOW + 102, "late")[1].is_given  # used is not given back


def test_a_permit_comes_back_when_its_holder_died_or_did_not_use_it():
    circuit = probing(3)
    circuit, leave = ask(circuit, SETTINGS, NOW + 149, "p3")
    assert (leave.is_given, leave.left_ms) == (False, 1)
    assert ask(circuit, SETTINGS, NOW + 150, "p3")[1].is_probe
    # What the dead one brings after all counts for nothing.
    late = settle(circuit, SETTINGS, NOW + 151, Probe(circuit.generation, "p0"), BAD)
    assert late.state is CircuitState.HALF_OPEN
    circuit = settle(probing(3), SETTINGS, NOW + 101, Probe(circuit.generation, "p1"), None)
    assert ask(circuit, SETTINGS, NOW + 102, "p3")[1].is_probe


def test_good_probes_close_it_and_bad_ones_open_it_for_twice_as_long():
    circuit = probing(3)
    for number in range(3):
        circuit = settle(
            circuit, SETTINGS, NOW + 110, Probe(circuit.generation, f"p{number}"), GOOD
        )
    assert (circuit.state, circuit.opens) == (CircuitState.CLOSED, 0)

    circuit = probing(2)
    circuit = settle(circuit, SETTINGS, NOW + 110, Probe(circuit.generation, "p0"), BAD)
    assert circuit.state is CircuitState.HALF_OPEN
    circuit = settle(circuit, SETTINGS, NOW + 110, Probe(circuit.generation, "p1"), BAD)
    assert circuit.state is CircuitState.OPEN
    assert left_ms(circuit, SETTINGS, NOW + 110) == 200
    assert left_ms(replace(circuit, opens=1_000), SETTINGS, NOW + 110) == SETTINGS.wait_max_ms


def test_a_sign_of_life_ends_the_wait_and_an_old_one_does_not():
    circuit = opened()
    assert alive(circuit, NOW + 1, circuit.generation - 1) == circuit
    assert ask(alive(circuit, NOW + 1, circuit.generation), SETTINGS, NOW + 2, "p")[1].is_probe


def test_a_persons_order_stands_until_the_next_and_the_later_one_holds():
    circuit = obey(opened(), NOW, CircuitOrder.OPEN, given_ms=5)
    assert ask(circuit, SETTINGS, NOW + 10_000, "p")[1].left_ms == UNKNOWN_MS
    assert alive(circuit, NOW, circuit.generation) == circuit
    assert obey(circuit, NOW, CircuitOrder.RESET, given_ms=4) == circuit
    assert obey(circuit, NOW, CircuitOrder.OPEN, given_ms=5) == circuit

    closed = obey(circuit, NOW, CircuitOrder.CLOSE, given_ms=6)
    assert told([BAD] * 100, circuit=closed) == closed
    assert ask(closed, SETTINGS, NOW, "p")[1].is_given
    assert obey(closed, NOW, CircuitOrder.RESET, given_ms=7).state is CircuitState.CLOSED


def test_what_was_let_out_by_more_permits_than_there_are_now_does_not_hold_it_half_open():
    many, few = replace(SETTINGS, permits=9), replace(SETTINGS, permits=2)
    circuit = probing(2, many)
    for number in range(2):
        circuit = settle(circuit, many, NOW + 101, Probe(circuit.generation, f"p{number}"), GOOD)
    assert circuit.state is CircuitState.HALF_OPEN
    assert ask(circuit, few, NOW + 102, "p9")[0].state is CircuitState.CLOSED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"window_ms": 0}, "expected either a window in time or one of calls"),
        ({"window_ms": 5_000, "window_calls": 5}, "and not both"),
        ({"window_ms": -1}, "window_ms: expected 10 to"),
        ({"window_ms": 0, "window_calls": -1}, "window_calls: expected 1 to 1000, got -1"),
        ({"window_ms": 0, "window_calls": 2, "minimum_calls": 3}, "expected 1 to 2, got 3"),
        ({"permits": 101}, "permits: expected 1 to 100, got 101"),
        ({"permits": 0}, "permits: expected 1 to 100, got 0"),
        ({"failure_rate": 101}, "failure_rate: expected 1 to 100"),
        ({"slow_rate": 0}, "slow_rate: expected 1 to 100"),
        ({"wait_ms": 10, "wait_max_ms": 9}, "wait_max_ms: expected 10 to"),
        ({"lease_ms": 0}, "lease_ms: expected 1 to"),
        ({"slow_after_ms": -5}, "slow_after_ms: expected 1 to"),
    ],
)
def test_settings_out_of_range_are_refused_with_the_range(changes, why):
    with pytest.raises(ValueError, match=why):
        BreakerSettings(**changes)
