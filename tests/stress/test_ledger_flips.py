"""One bit of the ledger's files flips: whatever is lost by that is found against an anchor.

A database page holds bytes that nothing uses, so not each flip does harm. What is asked is this:
the file is refused, or the verification says what is wrong, or every entry is there and the same.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from dsl.rules.ledger.note import Checkpoint
from integrations.errors import CorruptError, IntegrationError
from integrations.ledger.chain import Chain
from integrations.ledger.entries import content_of
from integrations.ledger.lookup import entries_after
from integrations.ledger.store import open_ledger, wal_of
from integrations.ledger.verify import HeldCheckpoint, verify
from tests.fixtures.search import FACTOR, SEED
from tests.integration.ledger.drafts import draft

FLIPS = 400  # of each file
IN_FILE = 300  # entries
IN_LOG = 100


def left_behind(folder: Path) -> tuple[Path, HeldCheckpoint, list[str]]:
    """Return a ledger as a killed writer leaves it, what an anchor has of it, and its hashes."""
    path, kept = folder / "live.db", folder / "kept"
    kept.mkdir()
    with closing(open_ledger(path)) as connection:
        chain = Chain(connection)
        for first, count in ((0, IN_FILE), (IN_FILE, IN_LOG)):
            chain.commit([[content_of(draft(n)) for n in range(first, first + count)]])
            if first == 0:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for each in (path, wal_of(path)):
            shutil.copy(each, kept / each.name)
    found = verify(path)
    signed = Checkpoint("of.a.test", found.entries, bytes.fromhex(found.root))
    hashes = [each.hash for each in entries_after(path, -1)]
    return kept / path.name, HeldCheckpoint("the anchor", signed), hashes


def what_became_of(path: Path, held: HeldCheckpoint, hashes: list[str]) -> str:
    try:
        problems = verify(path, held=[held]).problems
    except CorruptError:
        return "refused"
    if problems:
        return "cut off, found" if all("cut off" in each for each in problems) else "found"
    try:
        assert [each.hash for each in entries_after(path, -1)] == hashes
    except IntegrationError as error:  # it cannot be: it was verified a moment ago
        raise AssertionError(path) from error
    return "no harm"


def flipped(folder: Path, name: str, flips: int, seed: int) -> Counter[str]:
    """Flip one bit at a time of one of the files; return what became of it."""
    rnd = random.Random(seed)
    kept, held, hashes = left_behind(folder)
    said: Counter[str] = Counter()
    for number in range(flips):
        work = folder / str(number)
        shutil.copytree(kept.parent, work)
        hurt = work / name
        data = bytearray(hurt.read_bytes())
        data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
        hurt.write_bytes(data)
        said[what_became_of(work / kept.name, held, hashes)] += 1
        shutil.rmtree(work)
    return said


@pytest.mark.stress
@pytest.mark.parametrize("name", ["live.db", "live.db-wal"])
def test_of_four_hundred_flips_every_loss_is_found(tmp_path: Path, name: str) -> None:
    said = flipped(tmp_path, name, FLIPS * max(1, FACTOR // 20), SEED)

    print(f"{name}: {said.total()} bits flipped: {dict(said)}")
    assert said.total() >= FLIPS


@pytest.mark.parametrize("name", ["live.db", "live.db-wal"])
def test_of_a_few_flips_every_loss_is_found(tmp_path: Path, name: str) -> None:
    said = flipped(tmp_path, name, 15, SEED)

    assert said.total() == 15
    assert said["no harm"] < 15
