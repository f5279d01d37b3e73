"""A ledger moved, deleted, cut off or replaced under its writer: waited for, and found again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.errors import ConflictError, UnavailableError
from integrations.ledger import opened as opened_module
from integrations.ledger.entries import Draft
from integrations.ledger.ledger import Ledger
from integrations.ledger.lock import trouble_of_writer
from integrations.ledger.noted import NotedHead
from integrations.ledger.store import wal_of
from integrations.ledger.verify import Report, tail, verify
from tests.integration.ledger.drafts import draft, intruder, mark
from tests.integration.ledger.test_noted_heads import write_anew

COUNT = 40
WAITS = "Nothing is recorded meanwhile: put the file back, with its log, or a copy that holds entry"


@pytest.fixture
async def ledger(tmp_path):
    """A ledger with entries in its file and others in its log, and an older copy of it."""
    with Ledger(tmp_path / "data" / "ledger.db") as ledger:
        await ledger.append([long_one(n) for n in range(30)])
        with intruder(ledger.path) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        copy(ledger.path, tmp_path / "older" / "ledger.db")
        await ledger.append([long_one(n) for n in range(30, COUNT)])
        copy(ledger.path, tmp_path / "kept" / "ledger.db")
        yield ledger


def long_one(n: int) -> Draft:
    return draft(n, payload={"n": n, "text": "x" * 3_000})


def copy(source: Path, target: Path) -> None:
    """Copy a ledger as it is, with its log."""
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, target)
    if wal_of(source).exists():
        shutil.copyfile(wal_of(source), wal_of(target))


def remove(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(each) if each.is_dir() else each.unlink()


def move_away(path: Path) -> None:
    path.rename(path.with_name("away"))


def move_away_with_its_log(path: Path) -> None:
    move_away(path)
    wal_of(path).rename(wal_of(path.with_name("away")))


def delete(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_off_the_log(path: Path) -> None:
    os.truncate(wal_of(path), 5_000)


def put_an_older_copy(path: Path) -> None:
    remove(path)
    copy(path.parents[1] / "older" / path.name, path)


def put_a_new_one(path: Path) -> None:
    remove(path)
    Ledger(path.parents[1] / "new" / path.name).close()
    copy(path.parents[1] / "new" / path.name, path)


def put_one_written_anew(path: Path) -> None:
    remove(path)
    copy(path.parents[1] / "kept" / path.name, path)
    write_anew(path, 3)


def put_text(path: Path) -> None:
    remove(path)
    path.write_text("no ledger\n" * 1_000)


def put_a_folder(path: Path) -> None:
    remove(path)
    path.mkdir()


LOSSES = (
    move_away,
    move_away_with_its_log,
    delete,
    remove,
    empty,
    cut_in_half,
    cut_off_the_log,
    put_an_older_copy,
    put_a_new_one,
    put_one_written_anew,
    put_text,
    put_a_folder,
)


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
async def test_a_lost_file_is_waited_for_and_a_whole_copy_is_taken(
    ledger: Ledger, tmp_path: Path, lose: Callable[[Path], None]
):
    path = ledger.path
    lose(path)
    there, lock = path.exists(), path.with_name("ledger.db.lock")
    for _ in range(3):
        with pytest.raises(UnavailableError, match=WAITS):
            await ledger.append([draft(COUNT)])
        told = trouble_of_writer(path)
        if lock.exists():  # otherwise nobody can be told
            assert told is not None
            assert f"its writer, pid {os.getpid()}, says: " in told
            assert WAITS in told

    assert path.exists() == there  # none was made
    remove(path)
    copy(tmp_path / "kept" / path.name, path)

    receipts = await ledger.append([draft(COUNT)])
    assert receipts[0].seq == COUNT
    assert trouble_of_writer(path) is None
    assert (verify(path).problems, verify(path).entries) == ((), COUNT + 1)
    with pytest.raises(ConflictError):
        Ledger(path)


@pytest.mark.parametrize("lose", [empty, cut_in_half], ids=lambda lose: lose.__name__)
async def test_a_file_that_was_cut_off_is_taken_when_it_was_written_back(
    ledger: Ledger, tmp_path: Path, lose: Callable[[Path], None]
):
    lose(ledger.path)
    with pytest.raises(UnavailableError, match=WAITS):
        await ledger.append([draft(COUNT)])

    copy(tmp_path / "kept" / "ledger.db", ledger.path)  # into the same files

    assert (await ledger.append([draft(COUNT)]))[0].seq == COUNT
    assert (verify(ledger.path).problems, verify(ledger.path).entries) == ((), COUNT + 1)


async def test_a_file_that_comes_back_is_taken(ledger: Ledger):
    away = ledger.path.with_name("away")
    ledger.path.rename(away)
    with pytest.raises(UnavailableError, match="is gone"):
        await ledger.append([draft(COUNT)])
    away.rename(ledger.path)

    assert (await ledger.append([draft(COUNT)]))[0].seq == COUNT
    assert verify(ledger.path).problems == ()


async def test_a_log_that_was_deleted_costs_no_entry(ledger: Ledger):
    assert wal_of(ledger.path).stat().st_size > 0
    wal_of(ledger.path).unlink()

    assert (await ledger.append([draft(COUNT)]))[0].seq == COUNT
    assert (verify(ledger.path).problems, verify(ledger.path).entries) == ((), COUNT + 1)


async def test_what_was_recorded_elsewhere_meanwhile_is_read_before_anything_else(
    ledger: Ledger, tmp_path: Path
):
    """A copy was taken to another machine, went on there, and comes back."""
    elsewhere = tmp_path / "kept" / "ledger.db"
    with Ledger(elsewhere) as other:
        await other.append([mark(COUNT, "agent-1", 5, revoked=True)])
    remove(ledger.path)
    copy(elsewhere, ledger.path)

    assert (await ledger.append([draft(COUNT + 1)]))[0].seq == COUNT + 1
    assert ledger.authority("agent-1").revoked


async def test_what_was_refused_is_not_read_again_until_it_changes(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
):
    read: list[Path] = []

    def reading(path: Path, noted: NotedHead | None) -> Report:
        read.append(path)
        return verify(path, noted)

    monkeypatch.setattr(opened_module, "verify", reading)
    put_an_older_copy(ledger.path)
    for _ in range(10):
        with pytest.raises(UnavailableError, match=WAITS):
            await ledger.append([draft(COUNT)])
    often = len(read)
    put_one_written_anew(ledger.path)
    with pytest.raises(UnavailableError, match="it was written anew"):
        await ledger.append([draft(COUNT)])

    assert often <= 2  # the reader itself leaves an empty log beside it
    assert len(read) == often + 1


async def test_nothing_is_looked_up_in_a_file_that_is_not_the_writers(ledger: Ledger):
    entry = tail(ledger.path, 1)[0]
    assert await ledger.by_place(entry.seq) == await ledger.by_key(entry.key) == entry
    put_an_older_copy(ledger.path)

    for look in (ledger.by_place(entry.seq), ledger.by_key(entry.key), ledger.by_place(0)):
        with pytest.raises(UnavailableError, match="moved, deleted or replaced"):
            await look


async def test_the_doctor_sees_it_before_the_writer_does(ledger: Ledger):
    assert trouble_of_writer(ledger.path) is None
    move_away(ledger.path)

    told = trouble_of_writer(ledger.path)
    assert told is not None
    assert f"its writer, pid {os.getpid()}, has another file open" in told


async def test_a_writer_that_is_gone_is_in_no_trouble(ledger: Ledger):
    ledger.close()

    assert trouble_of_writer(ledger.path) is None
