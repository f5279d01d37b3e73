"""What must come before what, within one list of stages.

Positions stand for stages and a set of positions is an int with one bit each: a chain of
1,000 stages has half a million pairs, and they cost a few kilobytes this way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Closure:
    """The transitive ``requires`` of every position, as far as it goes round no circle."""

    before: tuple[int, ...]  # by position: the set of positions that come first
    order: tuple[int, ...]  # positions, each after all it requires; without the stuck ones
    stuck: tuple[int, ...]  # positions in a circle, or behind one


def close(needs: Sequence[Sequence[int]]) -> Closure:
    """Return the closure of ``needs``, the direct requirements of each position."""
    waiting = [len(set(need)) for need in needs]
    followers = _followers(needs)
    before = [0] * len(needs)
    ready = deque(position for position, count in enumerate(waiting) if count == 0)
    order = []
    while ready:
        position = ready.popleft()
        order.append(position)
        for follower in followers[position]:
            before[follower] |= before[position] | 1 << position
            waiting[follower] -= 1
            if waiting[follower] == 0:
                ready.append(follower)
    stuck = tuple(position for position, count in enumerate(waiting) if count)
    return Closure(tuple(before), tuple(order), stuck)


def with_all_before(needs: Sequence[Sequence[int]], late: Collection[int]) -> list[list[int]]:
    """Return ``needs`` in which the ``late`` positions require all that does not wait for them.

    Of two of them the first does not require what waits for the second: none is in a circle.
    """
    found = [list(need) for need in needs]
    waiting = [len(set(need)) for need in needs]
    followers = _followers(needs)
    others, last, order = deque[int](), deque[int](), list[int]()
    free = [position for position, count in enumerate(waiting) if count == 0]
    while free or others or last:
        for position in free:
            (last if position in late else others).append(position)
        position = others.popleft() if others else last.popleft()
        if position in late:
            found[position] = list(order)
        order.append(position)
        for follower in followers[position]:
            waiting[follower] -= 1
        free = [follower for follower in followers[position] if waiting[follower] == 0]
    return found


def _followers(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    followers: list[list[int]] = [[] for _ in needs]
    for position, need in enumerate(needs):
        for required in set(need):
            followers[required].append(position)
    return followers


def circles(needs: Sequence[Sequence[int]], stuck: Sequence[int]) -> Iterator[list[int]]:
    """Yield circles among the ``stuck`` positions, each once, starting where it is lowest.

    Every stuck position requires a stuck one, so a walk along them always ends in a circle;
    one walk per region is enough for an author to go on.
    """
    blocked = set(stuck)
    seen: set[int] = set()
    for start in stuck:
        walk: list[int] = []
        position = start
        while position not in seen:
            seen.add(position)
            walk.append(position)
            position = next(required for required in needs[position] if required in blocked)
        if position in walk:
            circle = walk[walk.index(position) :]
            first = circle.index(min(circle))
            yield circle[first:] + circle[:first]


def positions(mask: int) -> Iterator[int]:
    """Yield the positions in ``mask``, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
