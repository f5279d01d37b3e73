"""Who refuses us is asked ever more seldom, and never more seldom than once an hour."""

from __future__ import annotations

from dsl.limits import NOTIFY_GIVE_UP_MS, NOTIFY_MENDED_MS, NOTIFY_MENDED_MS_MAX
from dsl.rules.notify.waits import wait_ms


def test_the_wait_doubles_up_to_its_limit():
    assert [wait_ms(tries) for tries in (0, 1, 2, 3)] == [
        NOTIFY_MENDED_MS * factor for factor in (1, 1, 2, 4)
    ]
    assert wait_ms(7) == wait_ms(10**6) == NOTIFY_MENDED_MS_MAX


def test_three_days_of_refusals_are_a_small_history():
    tries, at = 0, 0
    while at < NOTIFY_GIVE_UP_MS:
        tries += 1
        at += wait_ms(tries)

    assert tries < 100
