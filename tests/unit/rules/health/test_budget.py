"""How errors are counted within a window, against a plain model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.core import ErrorBudget
from dsl.limits import ERROR_BUDGET_MAX, TIMEOUT_MS_MAX
from dsl.rules.health.budget import Erred, error_id, read_budget

FIVE = ErrorBudget(errors=5, window_ms=600_000)
PLACE = ("run", "run-1", "a/EXECUTE#1")


@given(
    times=st.lists(st.integers(1, 2_000), max_size=60),
    now=st.integers(1, 2_500),
    errors=st.integers(1, 30),
    window=st.integers(1, 2_000),
)
def test_it_is_spent_when_the_window_holds_what_it_allows(times, now, errors, window):
    times = [each for each in times if each <= now]
    budget = ErrorBudget(errors=errors, window_ms=window)
    reading = read_budget(times, now, budget)
    held = [each for each in times if now < each + window]

    assert reading.errors == len(held)
    assert reading.is_spent == (len(held) >= errors)
    assert reading.left == max(0, errors - len(held))
    assert (reading.left == 0) == reading.is_spent
    assert (reading.burn >= 100) == reading.is_spent


@given(
    times=st.lists(st.integers(1, 2_000), max_size=60),
    errors=st.integers(1, 30),
    window=st.integers(1, 2_000),
)
def test_it_says_to_the_millisecond_when_the_next_error_is_free(times, errors, window):
    now, budget = 2_000, ErrorBudget(errors=errors, window_ms=window)
    free_in = read_budget(times, now, budget).free_in_ms

    assert not read_budget(times, now + free_in, budget).is_spent
    if free_in:
        assert read_budget(times, now + free_in - 1, budget).is_spent


@given(times=st.lists(st.integers(1, 10**6), max_size=300), errors=st.integers(1, ERROR_BUDGET_MAX))
def test_the_newest_errors_say_the_same_as_all_of_them(times, errors):
    budget = ErrorBudget(errors=errors, window_ms=500_000)
    whole = read_budget(times, 10**6, budget)
    kept = read_budget(sorted(times)[-ERROR_BUDGET_MAX:], 10**6, budget)

    assert (kept.is_spent, kept.free_in_ms, kept.left) == (
        whole.is_spent,
        whole.free_in_ms,
        whole.left,
    )


def test_the_sentence_says_what_is_allowed_and_when_the_next_is_free():
    now = 1_000_000
    reading = read_budget([now - 20_000 + each for each in range(5)], now, FIVE)

    assert reading.sentence("ann.look") == (
        "error budget of ann.look spent: 5 errors within 10m, 5 are allowed; "
        "the next is free in 9m40s"
    )
    one = ErrorBudget(errors=1, window_ms=60_000)
    assert "1 error within 1m, 1 is allowed" in read_budget([now], now, one).sentence("a")


def test_the_burn_rate_is_said_also_where_nothing_is_used_up():
    now, budget = 1_000_000, ErrorBudget(errors=3, window_ms=600_000)

    assert read_budget([], now, budget).burning() == "0 of 3 used within 10m, burn rate 0 %"
    assert read_budget([now], now, budget).burning() == "1 of 3 used within 10m, burn rate 33 %"
    assert read_budget([now - 60_000] * 3, now, budget).burning() == (
        "3 of 3 used within 10m, burn rate 100 %; spent, the next is free in 9m"
    )


def test_an_error_is_known_by_where_it_was_made_and_not_by_the_attempt():
    ids = {
        error_id(*PLACE, Erred.MESSAGE, 1),
        error_id(*PLACE, Erred.MESSAGE, 2),
        error_id(*PLACE, Erred.TRY),
        error_id(*PLACE, Erred.VIOLATION, "protocol"),
        error_id("run", "run-2", "a/EXECUTE#1", Erred.TRY),
        error_id("run", "run-1", "a/EXECUTE#2", Erred.TRY),
    }

    assert len(ids) == 6
    assert error_id(*PLACE, Erred.TRY) in ids


@pytest.mark.parametrize(
    ("errors", "window"),
    [(0, 1), (-1, 1), (ERROR_BUDGET_MAX + 1, 1), (1, 0), (1, -1), (1, TIMEOUT_MS_MAX + 1)],
)
def test_a_budget_without_sense_is_refused(errors, window):
    with pytest.raises(ValueError, match=r"errors|window"):
        ErrorBudget(errors=errors, window_ms=window)


@given(
    times=st.lists(st.integers(1, 2_000), max_size=60),
    since=st.integers(0, 2_100),
    errors=st.integers(1, 30),
)
def test_a_clarified_plan_is_asked_of_errors_after_it_alone(times, since, errors):
    budget = ErrorBudget(errors=errors, window_ms=5_000)
    reading = read_budget(times, 2_000, budget, since_ms=since)
    after = [each for each in times if each > since]

    assert reading == read_budget(after, 2_000, budget)
    assert reading.last_ms == max(after, default=0)
    assert not read_budget(times, 2_000, budget, since_ms=reading.last_ms or since).is_spent
