"""The closure of requirements, against a slow and obvious restatement of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsl.checks.closure import circles, close, positions

SIZE = 7
graphs = st.lists(st.lists(st.integers(0, SIZE - 1), max_size=3), min_size=SIZE, max_size=SIZE).map(
    lambda needs: [[to for to in need if to != at] for at, need in enumerate(needs)]
)


def reachable(needs: list[list[int]], start: int) -> set[int]:
    found: set[int] = set()
    waiting = list(needs[start])
    while waiting:
        position = waiting.pop()
        if position not in found:
            found.add(position)
            waiting.extend(needs[position])
    return found


@given(graphs)
def test_what_comes_before_is_what_can_be_reached(needs):
    closure = close(needs)

    for position in closure.order:
        assert set(positions(closure.before[position])) == reachable(needs, position)


@given(graphs)
def test_the_order_puts_everything_after_what_it_requires(needs):
    closure = close(needs)
    rank = {position: n for n, position in enumerate(closure.order)}

    assert sorted([*closure.order, *closure.stuck]) == list(range(SIZE))
    assert all(
        rank[required] < rank[position]
        for position in closure.order
        for required in needs[position]
    )


@given(graphs)
def test_stuck_is_what_waits_for_a_circle(needs):
    in_circle = {position for position in range(SIZE) if position in reachable(needs, position)}
    behind = {at for at in range(SIZE) if reachable(needs, at) & in_circle}

    assert set(close(needs).stuck) == behind


@given(graphs)
def test_every_circle_that_is_told_is_one(needs):
    stuck = close(needs).stuck
    told = list(circles(needs, stuck))

    assert bool(told) == bool(stuck)
    for circle in told:
        follows = [*circle[1:], circle[0]]
        assert len(set(circle)) == len(circle)
        assert all(to in needs[at] for at, to in zip(circle, follows, strict=True))
        assert circle[0] == min(circle)


@given(st.sets(st.integers(0, 200)))
def test_positions_are_those_of_the_bits(members):
    assert list(positions(sum(1 << member for member in members))) == sorted(members)
