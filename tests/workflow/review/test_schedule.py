"""A folder that is reviewed again and again: one schedule for it, one review at a time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import ScheduleOverlapPolicy

from mandate.people.errors import RefusalError, UsageError
from mandate.work.review import schedule
from tests.fixtures.engine import Engine


@pytest.fixture
def env(engine: Engine, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "src").mkdir()
    return {"TEMPORAL_ADDRESS": engine.settings.temporal, "MANDATE_WORKSPACE": str(tmp_path)}


async def test_there_is_one_schedule_for_a_folder_and_it_skips(engine: Engine, env):
    for every in ("1h", "2h"):
        assert await schedule._begin(env, "src", every, "") == 0
    handle = engine.client.get_schedule_handle(schedule.schedule_id("src"))
    found = (await handle.describe()).schedule
    assert await schedule._end(env, "src") == 0

    assert found.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert [each.every for each in found.spec.intervals] == [timedelta(hours=2)]
    with pytest.raises(RefusalError, match="no schedule"):
        await schedule._end(env, "src")


async def test_the_schedule_of_a_folder_that_is_gone_can_be_ended(engine: Engine, env, tmp_path):
    (tmp_path / "gone").mkdir()
    assert await schedule._begin(env, "gone", "1h", "") == 0
    (tmp_path / "gone").rmdir()

    assert await schedule._end(env, "gone") == 0
    with pytest.raises(RefusalError, match="no schedule"):
        await schedule._end(env, "gone")


async def test_checks_that_are_no_command_are_refused(env):
    with pytest.raises(UsageError, match="is no command"):
        await schedule._begin(env, "src", "1h", "'")


@pytest.mark.parametrize(
    ("path", "every"), [("..", "1h"), ("nowhere", "1h"), ("src", "1s"), ("src", "often")]
)
async def test_what_cannot_be_reviewed_so_is_refused(env, path: str, every: str):
    with pytest.raises(UsageError):
        await schedule._begin(env, path, every, "")
