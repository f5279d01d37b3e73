"""Looks in vain: a few are free, and a flood of them takes hours and not a stage."""

from __future__ import annotations

from dsl.limits import TOOL_LOOKS_MAX
from dsl.rules.tools.looks import LOOKS_IN_VAIN, PAUSE_MS_MAX, pause_before


def test_a_few_looks_in_vain_wait_for_nothing():
    assert {pause_before(number) for number in range(LOOKS_IN_VAIN)} == {0}
    assert 0 < pause_before(LOOKS_IN_VAIN) <= 1_000


def test_a_flood_delays_a_look_by_so_much_and_takes_hours_to_end_a_stage():
    pauses = [pause_before(number) for number in range(TOOL_LOOKS_MAX)]

    assert pauses == sorted(pauses)
    assert max(pauses) == PAUSE_MS_MAX
    assert sum(pauses) > 12 * 3_600_000
