"""Twenty strikes each at the worker in EXECUTE, by SIGSTOP and SIGKILL: see ``striking``."""

from __future__ import annotations

import pytest

from tests.fixtures.hostile.striking import ROUND_S, STRUCK, strike_again_and_again
from tests.fixtures.search import SEED

ROUNDS = 20


@pytest.mark.stress
@pytest.mark.timeout(ROUNDS * ROUND_S)
@pytest.mark.parametrize("number", STRUCK, ids=lambda number: number.name)
async def test_workers_that_are_struck_in_execute_leave_one_program_at_a_time(
    mandate_up, workers, number
):
    print(await strike_again_and_again(mandate_up, workers, number, ROUNDS, SEED))
