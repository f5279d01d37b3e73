"""The worker in EXECUTE is stopped, or killed: never are two programs of that stage alive.

Once each; ``make stress`` does so twenty times.
"""

from __future__ import annotations

import pytest

from tests.fixtures.hostile.striking import ROUND_S, STRUCK, strike_again_and_again


@pytest.mark.timeout(ROUND_S)
@pytest.mark.parametrize("number", STRUCK, ids=lambda number: number.name)
async def test_a_worker_that_is_struck_in_execute_leaves_one_program_at_a_time(
    mandate_up, workers, number
):
    await strike_again_and_again(mandate_up, workers, number, rounds=1, seed=1)
