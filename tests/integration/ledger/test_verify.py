"""Reading the ledger without its writer, and beside it."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from dsl.core import Tier
from integrations.errors import CorruptError, NotFoundError
from integrations.ledger import lookup
from integrations.ledger import verify as verify_module
from integrations.ledger.lookup import entries_after
from integrations.ledger.store import open_reader, wal_reset_warning
from integrations.ledger.verify import TAIL_MAX, tail, verify
from integrations.ledger.writer import Writer
from tests.integration.ledger.drafts import draft


async def test_a_sound_ledger_has_no_problems_and_a_head(tmp_path):
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    empty = verify(path)
    receipts = await writer.append([draft(n) for n in range(20)])
    full = verify(path)
    writer.close()

    assert (empty.entries, empty.head, empty.problems) == (0, "00" * 32, ())
    assert (full.entries, full.head, full.problems) == (20, receipts[-1].hash, ())
    assert full.sqlite_version == sqlite3.sqlite_version


async def test_segments_make_no_difference(tmp_path, monkeypatch):
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([draft(n) for n in range(20)])
    writer.close()
    whole = verify(path)

    for segment in (1, 7, 20):
        monkeypatch.setattr(verify_module, "SEGMENT", segment)
        assert verify(path) == whole


async def test_a_reader_sees_a_sound_chain_while_the_writer_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(verify_module, "SEGMENT", 50)
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([draft(0)])
    writing = asyncio.gather(*(writer.append([draft(n)]) for n in range(1, 2_000)))

    reports = []
    while not writing.done():
        reports.append(await asyncio.to_thread(verify, path))
    await writing
    writer.close()

    assert reports
    assert all(report.problems == () for report in reports)
    assert verify(path).entries == 2_000


async def test_reading_changes_no_byte_of_the_ledger(tmp_path):
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([draft(0)])
    writer.close()
    before = path.read_bytes()

    verify(path)
    tail(path, 1)

    assert path.read_bytes() == before
    connection = open_reader(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO checkpoint VALUES (1, zeroblob(32), '')")
    connection.close()


async def test_tail_gives_the_last_entries_or_those_that_follow_one(tmp_path):
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    assert tail(path, 5) == []
    await writer.append([draft(n) for n in range(10)])
    writer.close()

    assert [entry.seq for entry in tail(path, 3)] == [7, 8, 9]
    assert [entry.seq for entry in tail(path, 3, after=4)] == [5, 6, 7]
    assert [entry.seq for entry in tail(path, 3, after=-1)] == [0, 1, 2]
    assert tail(path, 3, after=9) == []
    last = tail(path, 1)[0]
    assert (last.key, last.workflow_id, last.run_id) == ("w/r/9", "w", "r")
    assert (last.agent, last.tier, last.action) == ("agent-1", Tier.T1, "run.started")


async def test_all_entries_after_one_are_read_in_segments(tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "SEGMENT", 3)
    path = tmp_path / "ledger.db"
    writer = Writer(path)
    await writer.append([draft(n) for n in range(10)])
    writer.close()

    assert [entry.seq for entry in entries_after(path, -1)] == list(range(10))
    assert [entry.seq for entry in entries_after(path, 6)] == [7, 8, 9]
    assert list(entries_after(path, 9)) == []


@pytest.mark.parametrize("n", [0, -1, TAIL_MAX + 1])
def test_a_tail_has_a_length(tmp_path, n):
    with pytest.raises(ValueError, match="expected 1 to"):
        tail(tmp_path / "ledger.db", n)


@pytest.mark.parametrize("read", [verify, lambda path: tail(path, 1)], ids=["verify", "tail"])
def test_what_is_no_ledger_is_refused(tmp_path, read):
    for name in ("nothing", "."):
        with pytest.raises(NotFoundError, match="there is no ledger"):
            read(tmp_path / name)
    (tmp_path / "text").write_text("not a database, but long enough to have a header" * 20)
    (tmp_path / "empty").write_text("")
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE t (x)").connection.close()
    for name in ("text", "empty", "other"):
        with pytest.raises(CorruptError):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("version", "warned"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 54, 1), False)],
)
def test_a_sqlite_with_the_wal_reset_bug_is_told(version, warned):
    assert bool(wal_reset_warning(version)) is warned
