"""Disks that fill, files that go away, others in the way: the writer says so and goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.errors import CorruptError, UnavailableError
from integrations.ledger import store
from integrations.ledger.store import wal_of
from integrations.ledger.verify import tail, verify
from integrations.ledger.writer import Writer
from tests.integration.ledger.drafts import draft, intruder

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def writer(path):
    writer = Writer(path)
    yield writer
    writer.close()


def test_a_file_that_may_not_grow_loses_nothing_and_goes_on_when_it_may(path):
    program = [sys.executable, "-m", "tests.integration.ledger.appender", str(path), "0", "8"]
    ended = subprocess.run(
        [*program, str(300_000)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    acknowledged = set(ended.stdout.split())
    report = verify(path)
    assert "cannot append to the ledger" in ended.stderr
    assert "SQLITE_IOERR_WRITE" in ended.stderr or "SQLITE_FULL" in ended.stderr
    assert report.problems == ()
    assert len(acknowledged) > 100
    assert acknowledged <= {str(entry.payload["n"]) for entry in tail(path, report.entries)}


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


async def fill(writer: Writer, acknowledged: set[int]) -> None:
    """Append calls of two until one fails; remember the numbers of the others."""
    for n in range(0, 20_000, 2):
        await writer.append([draft(n), draft(n + 1)])
        acknowledged |= {n, n + 1}


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
async def test_a_full_disk_loses_nothing_and_the_same_writer_goes_on_when_there_is_room(
    small_disk,
):
    path = small_disk / "ledger.db"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)
    writer = Writer(path)
    acknowledged: set[int] = set()
    with pytest.raises(UnavailableError, match="free the disk"):
        await fill(writer, acknowledged)
    with pytest.raises(UnavailableError):
        await writer.append([draft(100_000), draft(100_001)])

    ballast.unlink()
    await writer.append([draft(200_000)])
    writer.close()

    report = verify(path)
    entries = {entry.payload["n"] for entry in tail(path, 10_000)}
    assert report.problems == ()
    assert acknowledged | {200_000} <= entries


async def test_somebody_who_holds_the_file_is_waited_for_a_while(writer, path):
    with intruder(path) as other:
        other.execute("BEGIN IMMEDIATE")
        call = asyncio.ensure_future(writer.append([draft(0)]))
        await asyncio.sleep(0.2)
        assert not call.done()
        other.execute("ROLLBACK")

    assert (await call)[0].seq == 0


async def test_somebody_who_keeps_the_file_makes_the_ledger_unavailable(path, monkeypatch):
    monkeypatch.setattr(store, "BUSY_TIMEOUT_S", 0.1)
    writer = Writer(path)
    with intruder(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="SQLITE_BUSY"):
            await writer.append([draft(0)])
        other.execute("ROLLBACK")

    assert (await writer.append([draft(0)]))[0].seq == 0
    writer.close()


async def test_a_ledger_that_may_not_be_written_is_unavailable(writer):
    connection = writer._opened._connection
    connection.execute("PRAGMA query_only=ON")
    with pytest.raises(UnavailableError, match="SQLITE_READONLY"):
        await writer.append([draft(0)])
    connection.execute("PRAGMA query_only=OFF")

    assert (await writer.append([draft(0)]))[0].seq == 0


def test_a_file_that_exists_is_never_made_into_a_ledger(path):
    path.write_bytes(b"")
    with pytest.raises(CorruptError, match="is empty"):
        Writer(path)
    path.write_bytes(b"some text that is no database" * 100)
    with pytest.raises(CorruptError, match="SQLITE_NOTADB"):
        Writer(path)
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(CorruptError, match="table ledger is missing"):
        Writer(path)


async def test_a_log_without_its_ledger_is_refused(writer, path, tmp_path):
    await writer.append([draft(0)])
    log = wal_of(tmp_path / "other" / "ledger.db")
    log.parent.mkdir()
    shutil.copy(wal_of(path), log)

    with pytest.raises(CorruptError, match="holds entries of it"):
        Writer(log.parent / "ledger.db")


async def test_what_a_killed_predecessor_wrote_is_synced_before_it_is_relied_on(
    writer, path, tmp_path, monkeypatch
):
    first = await writer.append([draft(0)])
    heir = tmp_path / "heir" / "ledger.db"
    heir.parent.mkdir()
    shutil.copy(path, heir)
    shutil.copy(wal_of(path), wal_of(heir))
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))

    successor = Writer(heir)

    assert wal_of(heir).stat().st_ino in synced
    assert await successor.append([draft(0)]) == first
    successor.close()


def test_every_commit_is_synced_to_the_disk(writer):
    full = 2
    assert writer._opened._connection.execute("PRAGMA synchronous").fetchone() == (full,)


def test_what_a_killed_maker_left_aside_is_no_obstacle(path):
    path.with_name("ledger.db.new").write_bytes(os.urandom(5_000))
    path.with_name("ledger.db.new-journal").write_bytes(os.urandom(5_000))

    Writer(path).close()

    assert verify(path).problems == ()
