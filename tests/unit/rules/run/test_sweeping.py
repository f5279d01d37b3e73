"""Which tokens are left behind, and which leases are stuck."""

from __future__ import annotations

import pytest

from dsl.rules.run.sweeping import GRACE_S, RunAtWork, RunState, SweepVerdict, is_stuck, judge


@pytest.mark.parametrize("age_s", [0, GRACE_S, 10 * GRACE_S])
@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (RunState.OVER, SweepVerdict.REVOKE),
        (RunState.AT_WORK, SweepVerdict.KEEP),
        (RunState.NOT_TOLD, SweepVerdict.LATER),
    ],
)
def test_what_the_engine_is_sure_of_does_not_depend_on_the_age(run, expected, age_s):
    assert judge(RunAtWork(run), age_s) is expected


def test_an_unknown_run_is_over_only_after_a_grace():
    assert judge(RunAtWork(RunState.UNKNOWN), GRACE_S) is SweepVerdict.KEEP
    assert judge(RunAtWork(RunState.UNKNOWN), GRACE_S + 1) is SweepVerdict.REVOKE


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (("python/EXECUTE#1", "2"), SweepVerdict.KEEP),
        (("python/EXECUTE#1", "1"), SweepVerdict.REVOKE),  # its worker died, and it is tried again
        (("python/PLAN#1", "1"), SweepVerdict.REVOKE),  # it is done
        (None, SweepVerdict.KEEP),  # an earlier release named none, nor do local ones
    ],
)
def test_of_a_run_at_work_what_was_minted_for_an_attempt_that_is_over_is_ended(attempt, expected):
    run = RunAtWork(RunState.AT_WORK, frozenset({("python/EXECUTE#1", "2")}))

    assert judge(run, 0, attempt) is expected
    assert judge(RunAtWork(RunState.NOT_TOLD), 0, attempt) is SweepVerdict.LATER


def test_a_lease_is_stuck_once_its_target_has_had_time_to_let_go():
    assert not is_stuck(120)
    assert not is_stuck(0)
    assert not is_stuck(-GRACE_S)
    assert is_stuck(-GRACE_S - 1)
