"""Which tokens are left behind, and which leases are stuck."""

from __future__ import annotations

import pytest

from dsl.rules.run.sweeping import GRACE_S, RunState, SweepVerdict, is_stuck, judge


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
    assert judge(run, age_s) is expected


def test_an_unknown_run_is_over_only_after_a_grace():
    assert judge(RunState.UNKNOWN, GRACE_S) is SweepVerdict.KEEP
    assert judge(RunState.UNKNOWN, GRACE_S + 1) is SweepVerdict.REVOKE


def test_a_lease_is_stuck_once_its_target_has_had_time_to_let_go():
    assert not is_stuck(120)
    assert not is_stuck(0)
    assert not is_stuck(-GRACE_S)
    assert is_stuck(-GRACE_S - 1)
