"""The one writer, on a real file: units, keys, groups, and who may write at all."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from dsl.limits import LEDGER_BATCH_MAX, LEDGER_ENTRIES_PER_RECORD_MAX
from integrations.errors import ConflictError, CorruptError, DeniedError, UnavailableError
from integrations.ledger import writer as writer_module
from integrations.ledger.entries import GENESIS
from integrations.ledger.errors import IdempotencyMismatchError, InvalidDraftError
from integrations.ledger.verify import tail, verify
from integrations.ledger.writer import Writer
from tests.integration.ledger.drafts import draft, intruder
from tests.integration.stack.probes import eventually


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ledger.db"


@pytest.fixture
def writer(path):
    writer = Writer(path)
    yield writer
    writer.close()


async def test_entries_of_a_call_follow_each_other_and_link_to_the_one_before(writer, path):
    first = await writer.append([draft(0), draft(1)])
    second = await writer.append([draft(2)])

    entries = tail(path, 10)
    assert [receipt.seq for receipt in (*first, *second)] == [0, 1, 2]
    assert [entry.hash for entry in entries] == [r.hash for r in (*first, *second)]
    assert [entry.prev_hash for entry in entries] == [GENESIS.hex(), first[0].hash, first[1].hash]
    assert entries[1].payload == {"n": 1, "é": "ü"}
    assert entries[1].ts == first[1].ts


async def test_files_are_for_their_owner_alone(writer, path):
    await writer.append([draft(0)])

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "ledger.db",
        "ledger.db-shm",
        "ledger.db-wal",
        "ledger.db.lock",
    ]


async def test_the_same_fact_told_again_gets_its_first_receipt(writer, path):
    first = await writer.append([draft(0), draft(1)])
    again = await writer.append([draft(1), draft(0), draft(2), draft(2)])

    assert again[:2] == (first[1], first[0])
    assert again[2] == again[3]
    assert verify(path).entries == 3


async def test_a_receipt_outlives_the_writer(path):
    writer = Writer(path)
    first = await writer.append([draft(0)])
    writer.close()
    writer = Writer(path)
    again = await writer.append([draft(0), draft(1)])
    writer.close()

    assert again[0] == first[0]
    assert again[1].seq == 1


@pytest.mark.parametrize("change", [{"payload": {"n": 7}}, {"agent": "b"}, {"tier": 2}])
async def test_another_story_under_the_same_key_is_refused(writer, path, change):
    await writer.append([draft(0)])

    with pytest.raises(IdempotencyMismatchError, match="'w/r/0' stands at entry 0") as refused:
        await writer.append([draft(1), draft(0, **change)])

    assert isinstance(refused.value, CorruptError)
    assert verify(path).entries == 1
    assert (await writer.append([draft(1)]))[0].seq == 1


async def test_a_call_that_contradicts_itself_leaves_nothing(writer, path):
    with pytest.raises(IdempotencyMismatchError):
        await writer.append([draft(0), draft(0, agent="b")])

    assert verify(path).entries == 0


async def test_a_refused_call_fails_alone_among_those_of_its_batch(writer, path):
    await writer.append([draft(0)])
    calls = [writer.append([draft(n), draft(n + 1)]) for n in range(1, 21, 2)]
    calls[5:5] = [writer.append([draft(100), draft(0, agent="b")])]

    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(failed) == 1
    assert isinstance(failed[0], IdempotencyMismatchError)
    report = verify(path)
    assert (report.entries, report.problems) == (21, ())
    assert "w/r/100" not in {entry.key for entry in tail(path, 100)}


async def test_concurrent_calls_stay_units_and_the_chain_holds(writer, path):
    calls = [writer.append([draft(4 * n + i) for i in range(4)]) for n in range(500)]

    receipts = await asyncio.gather(*calls)

    for unit in receipts:
        assert [receipt.seq - unit[0].seq for receipt in unit] == [0, 1, 2, 3]
    report = verify(path)
    assert (report.entries, report.problems) == (2_000, ())
    assert (
        len({receipt.ts for unit in receipts for receipt in unit}) <= 2_000 / LEDGER_BATCH_MAX * 2
    )


async def test_callers_of_one_batch_are_woken_together(writer, monkeypatch):
    loop = asyncio.get_running_loop()
    wake, woken = loop.call_soon_threadsafe, Mock()

    def counted(*args, **options):  # others of this process wake the loop as well
        if threading.current_thread() is writer._thread:
            woken()
        return wake(*args, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    committed = Mock(wraps=writer._opened.commit)
    monkeypatch.setattr(writer._opened, "commit", committed)

    receipts = await asyncio.gather(*(writer.append([draft(n)]) for n in range(500)))

    assert [receipt.seq for (receipt,) in receipts] == list(range(500))
    assert 1 <= woken.call_count <= committed.call_count < 500


def test_a_caller_whose_loop_is_gone_keeps_nobody_waiting(writer, path):
    async def ask_and_leave():
        asking = asyncio.ensure_future(writer.append([draft(0)]))
        await asyncio.sleep(0)
        return asking

    asyncio.run(ask_and_leave())

    (receipt,) = asyncio.run(writer.append([draft(1)]))
    assert receipt.seq <= 1
    assert verify(path).problems == ()


async def test_racing_retries_of_one_call_record_it_once(writer, path):
    receipts = await asyncio.gather(*(writer.append([draft(0), draft(1)]) for _ in range(50)))

    assert len(set(receipts)) == 1
    assert verify(path).entries == 2


async def test_nothing_to_record_is_recorded_at_once(writer, path):
    assert await writer.append([]) == ()
    assert verify(path).entries == 0


@pytest.mark.parametrize(
    ("drafts", "error", "words"),
    [
        ([draft(0), draft(1, payload={"a": 0.5})], InvalidDraftError, "float"),
        ([draft(0), draft(1, action="lease.granted")], InvalidDraftError, "'fence' must be"),
        ([draft(n) for n in range(LEDGER_ENTRIES_PER_RECORD_MAX + 1)], DeniedError, "limit is 200"),
    ],
    ids=["payload", "authority", "too many"],
)
async def test_what_the_ledger_never_takes_is_refused_as_a_whole(
    writer, path, drafts, error, words
):
    with pytest.raises(error, match=words):
        await writer.append(drafts)

    assert verify(path).entries == 0


async def test_a_second_writer_is_refused_and_told_who_writes(writer, path):
    alias = path.parent / "alias.db"
    alias.symlink_to(path)

    for name in (path, alias):
        with pytest.raises(ConflictError, match=f"pid {os.getpid()}"):
            Writer(name)

    assert (await writer.append([draft(0)]))[0].seq == 0


async def test_a_closed_writer_records_nothing_and_makes_room_for_the_next(writer, path):
    waiting = asyncio.gather(*(writer.append([draft(n)]) for n in range(100)))
    await asyncio.sleep(0)
    await asyncio.to_thread(writer.close)
    writer.close()

    assert len(await waiting) == 100
    with pytest.raises(UnavailableError, match="closed"):
        await writer.append([draft(100)])
    successor = Writer(path)
    successor.close()


async def test_a_writer_that_dies_fails_those_who_wait_and_those_who_come(writer, path):
    await writer.append([draft(0)])
    writer._opened._chain = None

    outcomes = await asyncio.gather(
        *(writer.append([draft(n)]) for n in range(1, 50)), return_exceptions=True
    )

    assert {type(outcome) for outcome in outcomes} == {UnavailableError}
    with pytest.raises(UnavailableError, match="died"):
        await writer.append([draft(50)])
    assert verify(path).entries == 1


async def test_a_caller_that_gave_up_in_the_queue_is_not_recorded(writer, path):
    with intruder(path) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.ensure_future(writer.append([draft(0)]))
        await asyncio.sleep(0.1)  # the writer holds it and waits for the file
        late = asyncio.ensure_future(writer.append([draft(1)]))
        await asyncio.sleep(0.05)
        late.cancel()
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
    await first
    await writer.append([draft(2)])

    assert [entry.key for entry in tail(path, 10)] == ["w/r/0", "w/r/2"]


async def test_a_caller_that_gave_up_too_late_learns_by_asking_again(writer, path):
    with intruder(path) as other:
        other.execute("BEGIN IMMEDIATE")
        call = asyncio.ensure_future(writer.append([draft(0)]))
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.sleep(0)
        other.execute("ROLLBACK")

    assert (await writer.append([draft(0)]))[0].seq == 0
    assert verify(path).entries == 1


async def test_no_more_calls_wait_than_the_limit(writer, path, monkeypatch):
    monkeypatch.setattr(writer_module, "WAITING_CALLS_MAX", 3)
    committing = Mock(wraps=writer._opened.commit)
    monkeypatch.setattr(writer._opened, "commit", committing)
    with intruder(path) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.ensure_future(writer.append([draft(0)]))
        await eventually(lambda: committing.called)  # it is in the queue no more
        waiting = [asyncio.ensure_future(writer.append([draft(n)])) for n in range(1, 4)]
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError, match="3 calls wait"):
            await writer.append([draft(4)])
        other.execute("ROLLBACK")

    assert len(await asyncio.gather(first, *waiting)) == 4


def test_a_lock_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="cannot open the lock"):
        Writer(Path(tmp_path / "file" / "ledger.db"))
