"""What the ledger was is held by anchors, signed by a real Vault: no later file gets past them."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from activities.ledger.anchoring import Anchoring
from dsl.rules.ledger.note import NoteKey, SignedNote
from integrations.beside import beside
from integrations.errors import CorruptError, IntegrationError, UnavailableError
from integrations.ledger.anchors.anchor import Anchor, Kept, believed
from integrations.ledger.anchors.named import anchors_of
from integrations.ledger.entries import Content, entry_bytes, leaf_hash
from integrations.ledger.ledger import Ledger
from integrations.ledger.store import SCHEMA
from integrations.ledger.tree import tiles
from integrations.ledger.tree.kept_notes import kept_notes
from integrations.ledger.tree.proof import prove
from integrations.ledger.tree.signatures import signer_of
from integrations.ledger.tree.tiles import LedgerTree
from integrations.ledger.verify import HeldCheckpoint, verify
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from integrations.vault.signing.head_signer import HeadSigner
from tests.fixtures.search import SEED
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.servers.s3 import S3
from tests.integration.ledger.drafts import draft, intruder
from tests.integration.ledger.test_noted_heads import cut_off, write_anew
from tests.integration.stack.probes import eventually

ORIGIN = "test.example.com/ledger"
COUNT = 300


@pytest_asyncio.fixture
async def signer(openbao: OpenBao) -> AsyncIterator[HeadSigner]:
    vault = Vault(openbao.url)
    login = Login(vault, openbao.roles_dir, "mandate-ledger")
    yield HeadSigner(vault, login)
    await login.aclose()
    vault.close()


@pytest.fixture(params=["dir", "git", "s3"])
def anchor(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Anchor:
    place = tmp_path / "anchor"
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        bucket = server.bucket(f"b-{uuid.uuid4().hex[:12]}", {"Mode": "COMPLIANCE", "Days": 7})
        (in_bucket,) = anchors_of([f"s3:{bucket}"], ORIGIN)
        return in_bucket
    if request.param == "git":
        subprocess.run(["git", "init", "--bare", "--quiet", place], check=True)
    else:
        place.mkdir()
    (found,) = anchors_of([f"{request.param}:{place}"], ORIGIN)
    return found


async def anchored(path: Path, signer: HeadSigner, *anchors: Anchor, first: int = 0) -> SignedNote:
    """Append, and have what is there signed and published."""
    with Ledger(path) as ledger:
        anchoring = Anchoring(ledger, signer, anchors, ORIGIN)
        await anchoring.require()
        for start in range(first, first + COUNT, 100):
            await ledger.append([draft(n) for n in range(start, start + 100)])
        note = await anchoring.once(now=True)
    assert note is not None
    return note


def rebuild_without(path: Path, gone: int) -> None:
    """Delete one entry and write every later one anew, as if it had never been there."""
    with intruder(path) as other:
        for (name,) in other.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            other.execute(f"DROP TRIGGER {name}")
        rows = other.execute("SELECT * FROM ledger WHERE seq >= ? ORDER BY seq", (gone,)).fetchall()
        other.execute("DELETE FROM ledger WHERE seq >= ?", (gone,))
        prev = rows[0][-2]
        for seq, ts, *columns, _, _ in rows[1:]:
            digest = leaf_hash(entry_bytes(seq - 1, ts, Content(*columns), prev))
            marks = ",".join("?" * 11)
            other.execute(
                f"INSERT INTO ledger VALUES ({marks})", (seq - 1, ts, *columns, prev, digest)
            )
            prev = digest
        other.executescript(SCHEMA)


async def keys_of(signer: HeadSigner) -> list[NoteKey]:
    return [NoteKey(ORIGIN, public) for public in (await signer.keys()).values()]


async def held(anchor: Anchor, signer: HeadSigner) -> list[HeldCheckpoint]:
    newest = believed(anchor.name, await anchor.read(), await keys_of(signer)).newest
    return [] if newest is None else [HeldCheckpoint("the anchor", newest.checkpoint)]


async def test_what_was_signed_is_held_and_grows(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor
) -> None:
    path = tmp_path / "ledger.db"
    first = await anchored(path, signer, anchor)
    second = await anchored(path, signer, anchor, first=COUNT)

    kept = await anchor.read()
    keys = await keys_of(signer)
    assert kept.notes[-2:] == (first.text(), second.text())
    assert [NoteKey.parse(each) for each in kept.keys] == keys
    assert signer_of(second, keys) is not None
    assert [size for size, _ in kept_notes(path)] == [COUNT, 2 * COUNT]
    assert verify(path, held=await held(anchor, signer)).problems == ()
    for seq in (0, 255, 256, 2 * COUNT - 1):
        assert list(prove(path, seq).problems(keys)) == []


@pytest.mark.parametrize("how", [cut_off, write_anew, rebuild_without])
async def test_nothing_is_recorded_or_signed_behind_an_anchor(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor, how
) -> None:
    path = tmp_path / "ledger.db"
    note = await anchored(path, signer, anchor)
    how(path, 250)
    assert verify(path).problems == ()  # the chain alone says nothing

    with Ledger(path) as ledger:
        anchoring = Anchoring(ledger, signer, [anchor], ORIGIN)
        with pytest.raises(CorruptError, match=r"cut off|written anew"):
            await anchoring.require()
        with pytest.raises(UnavailableError, match=r"cut off|written anew"):
            await ledger.append([draft(1_000)])
    found = verify(path, held=await held(anchor, signer))
    assert len(found.problems) == 1
    assert "has signed" in found.problems[0]
    assert (await anchor.read()).notes[-1] == note.text()  # and nothing else was published


async def test_a_ledger_that_is_put_back_is_recorded_to_again(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor
) -> None:
    path = tmp_path / "ledger.db"
    await anchored(path, signer, anchor)
    whole = path.read_bytes()
    cut_off(path, 10)
    with Ledger(path) as ledger, pytest.raises(CorruptError):
        await Anchoring(ledger, signer, [anchor], ORIGIN).require()

    for left in path.parent.glob("ledger.db*"):
        left.unlink()
    path.write_bytes(whole)
    await anchored(path, signer, anchor, first=COUNT)


async def test_a_new_ledger_under_the_name_of_an_old_one_is_refused(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor
) -> None:
    await anchored(tmp_path / "old.db", signer, anchor)

    with Ledger(tmp_path / "new.db") as ledger, pytest.raises(CorruptError, match="was cut off"):
        await Anchoring(ledger, signer, [anchor], ORIGIN).require()


class Scripted:
    """An anchor that somebody writes to, or that is away."""

    name = "scripted"

    def __init__(self, *notes: str, away: bool = False) -> None:
        self.kept = Kept(notes)
        self.away = away

    async def read(self) -> Kept:
        if self.away:
            raise UnavailableError("it is away")
        return self.kept

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        if self.away:
            raise UnavailableError("it is away")
        self.kept = Kept((*self.kept.notes, note), keys)


async def test_notes_that_nobody_has_signed_neither_help_nor_hinder(
    tmp_path: Path, signer: HeadSigner
) -> None:
    path = tmp_path / "ledger.db"
    place = Scripted()
    note = await anchored(path, signer, place)
    larger = note.text().replace(f"\n{COUNT}\n", "\n999999\n")
    place.kept = Kept((note.text(), larger, "no note"))

    await anchored(path, signer, place, first=COUNT)  # the signed one counts

    place.kept = Kept((larger, "no note"))  # and none of ours is no empty anchor
    with pytest.raises(CorruptError, match="none that the ledger's key has signed"):
        await anchored(path, signer, place, first=2 * COUNT)


async def test_one_anchor_is_enough_none_is_not_and_the_late_one_is_given_the_note(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor
) -> None:
    late = Scripted(away=True)
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        anchoring = Anchoring(ledger, signer, [late, anchor], ORIGIN)
        await anchoring.require()
        await ledger.append([draft(1)])
        note = await anchoring.once(now=True)
        assert note is not None
        late.away = False
        await anchoring.once()
        assert late.kept.notes == (note.text(),)

        alone = Anchoring(ledger, signer, [Scripted(away=True)], ORIGIN)
        with pytest.raises(UnavailableError, match="no anchor of the ledger answers"):
            await alone.require()
        with pytest.raises(UnavailableError, match="no anchor"):
            await ledger.append([draft(2)])


async def test_a_note_is_due_after_so_many_entries_and_after_what_is_urgent(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor
) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        anchoring = Anchoring(ledger, signer, [anchor], ORIGIN)
        await anchoring.require()
        assert await anchoring.once() is None  # nothing there
        await ledger.append([draft(n) for n in range(100)])
        assert await anchoring.once() is None  # not due
        await ledger.append([draft(n) for n in range(100, 256)])
        note = await anchoring.once()
        assert note is not None
        assert note.checkpoint.size == 256
        ended = draft(256, action="run.ended", payload={"status": "completed"})
        await ledger.append([ended])
        note = await anchoring.once()
        assert note is not None
        assert note.checkpoint.size == 257


@pytest.mark.parametrize("flips", [60, pytest.param(400, marks=pytest.mark.stress)])
async def test_every_loss_by_one_flipped_bit_is_found_against_the_anchor(
    tmp_path: Path, signer: HeadSigner, flips: int
) -> None:
    """In the database and in its log: whatever a flip has lost or changed is found."""
    rnd = random.Random(SEED)
    origin = tmp_path / "whole"
    origin.mkdir()
    place = Scripted()
    writer_path = origin / "ledger.db"
    copies: dict[str, bytes] = {}
    with Ledger(writer_path) as ledger:
        anchoring = Anchoring(ledger, signer, [place], ORIGIN)
        await anchoring.require()
        for start in range(0, 200, 10):
            await ledger.append([draft(n) for n in range(start, start + 10)])
        await anchoring.once(now=True)
        copies = {each.name: each.read_bytes() for each in origin.glob("ledger.db*")}
    noted = await held(place, signer)
    lost = 0
    for number in range(flips):
        name = ("ledger.db-wal", "ledger.db")[number % 2]
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for other in ("ledger.db", "ledger.db-wal"):
            data = bytearray(copies[other])
            if other == name:
                data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
            (folder / other).write_bytes(data)
        path = folder / "ledger.db"
        whole = sound = False
        with suppress(IntegrationError, sqlite3.Error):
            found = verify(path, held=noted)
            sound = not found.problems
            whole = found.entries == 200 and found.root == noted[0].checkpoint.root.hex()
        lost += not whole
        assert whole or not sound, (SEED, number)
    assert lost >= flips // 4  # half of the flips are in the log, where they lose what follows


def test_a_directory_that_is_not_mounted_is_no_empty_anchor(tmp_path: Path) -> None:
    (gone,) = anchors_of([f"dir:{tmp_path / 'gone'}"], ORIGIN)

    with pytest.raises(UnavailableError, match="make or mount it"):
        asyncio.run(gone.read())


@pytest.mark.parametrize("spec", ["", "dir:", "dir:relative", "s3:/etc", "git:x", "/x"])
def test_what_is_no_anchor_is_refused_with_its_form(spec: str) -> None:
    with pytest.raises(ValueError, match="expected dir:/PATH, git:/PATH or s3:BUCKET"):
        anchors_of([spec], ORIGIN)


class Broken:
    """An anchor that does what no anchor should, for as long as it is told to."""

    name = "broken"

    def __init__(self, anchor: Anchor) -> None:
        self._anchor = anchor
        self.is_broken = True

    async def read(self) -> Kept:
        if self.is_broken:
            raise ValueError("nobody expected this")
        return await self._anchor.read()

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        await self._anchor.publish(note, keys)


async def test_a_fault_that_nobody_expected_holds_the_ledger_until_it_is_gone(
    tmp_path: Path, signer: HeadSigner, anchor: Anchor
) -> None:
    broken = Broken(anchor)
    with Ledger(tmp_path / "ledger.db") as ledger:

        async def records() -> bool:
            with suppress(IntegrationError):
                await ledger.append([draft(0)])
                return True
            return False

        async def is_held() -> bool:
            return not await records()

        async with beside(Anchoring(ledger, signer, [broken], ORIGIN).keep()):
            await eventually(is_held)
            with pytest.raises(IntegrationError, match="not anchored: ValueError"):
                await ledger.append([draft(0)])

            broken.is_broken = False
            await eventually(records)


async def test_many_who_read_on_at_once_take_in_each_entry_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        for start in range(0, 500, 100):
            await ledger.append([draft(n) for n in range(start, start + 100)])
    alone = LedgerTree(path)
    alone.read_on()
    monkeypatch.setattr(tiles, "SEGMENT", 3)  # far more turns than entries deserve
    shared = LedgerTree(path)

    await asyncio.gather(*(asyncio.to_thread(shared.read_on) for _ in range(4)))

    assert shared.size == alone.size == 500
    assert shared.root_at(500) == alone.root_at(500)
