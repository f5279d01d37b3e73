"""A disk that is nearly full: nothing begins any more, and what has begun ends on record."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.contracts import messages
from activities.ledger.record import LedgerActivities
from dsl.limits import LEDGER_RESERVE_BYTES
from integrations.artifacts.store import Artifacts
from integrations.errors import UnavailableError
from integrations.ledger.ledger import Ledger
from integrations.ledger.verify import tail

SLACK = 8 << 20


@pytest.fixture
def disk(tmp_path):
    """A disk with room for the reserve and a little more."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={LEDGER_RESERVE_BYTES + SLACK}", "x", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Leave less than the reserve."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, SLACK)
    return ballast


async def record(ledger: Ledger, number: int, *actions: str) -> messages.RecordResult:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, workflow_type="Agent", activity_id=str(number)
    )
    request = messages.RecordRequest(
        entries=tuple(
            messages.EntryDraft(action=action, agent="a", payload={"n": number})
            for action in actions
        )
    )
    return await environment.run(LedgerActivities(ledger).record, request)


@pytest.mark.parametrize("action", ["run.started", "agent.intended", "agent.retried"])
async def test_what_begins_waits_visibly_until_there_is_room(disk, action):
    with Ledger(disk / "ledger.db") as ledger:
        ballast = fill(disk)
        with pytest.raises(
            ApplicationError, match=r"no room for anything new: .*; free the disk"
        ) as caught:
            await record(ledger, 1, action)
        assert caught.value.type == "UnavailableError"
        assert not caught.value.non_retryable
        assert tail(ledger.path, 10) == []

        ballast.unlink()
        await record(ledger, 1, action)

    assert [entry.action for entry in tail(disk / "ledger.db", 10)] == [action]


@pytest.mark.parametrize("actions", [("agent.ended",), ("agent.intended", "agent.ended")])
async def test_what_has_begun_ends_on_record(disk, actions):
    with Ledger(disk / "ledger.db") as ledger:
        fill(disk)
        await record(ledger, 1, *actions)

    assert [entry.action for entry in tail(disk / "ledger.db", 10)] == list(actions)


def test_files_of_agents_leave_the_reserve_and_the_engines_words_do_not_wait(disk, tmp_path):
    store = Artifacts(disk / "artifacts")
    (tmp_path / "file").write_bytes(b"x")
    store.put_file(tmp_path / "file")
    fill(disk)

    with pytest.raises(UnavailableError, match="no room for an agent's files"):
        store.put_file(tmp_path / "file")
    assert store.put(b"the account of a phase").size == 22
