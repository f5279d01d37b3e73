"""What the ledger may lose: nothing it acknowledged, whoever is killed and whenever the power goes.

The power cut is simulated below SQLite: what was written and not yet synced is kept in part, some
of it torn at a sector. A killed process cannot show this, because the kernel keeps its writes.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest

from integrations.ledger.chain import Chain
from integrations.ledger.entries import content_of
from integrations.ledger.store import _PRAGMAS, SCHEMA, open_existing
from integrations.ledger.verify import verify
from tests.fixtures.search import SEED
from tests.integration.ledger.drafts import draft
from tests.integration.ledger.test_crash import appended_until_killed, recorded

ROUNDS = 100
CUTS = 150
SECTOR = 512


class Disk:
    """What would be on the platter after a cut: synced writes, and some of the others."""

    def __init__(self) -> None:
        self.synced: dict[str, bytearray] = {}
        self.waiting: dict[str, list[tuple[int, bytes | None]]] = {}

    def note(self, name: str, offset: int, data: bytes | None) -> None:
        self.synced.setdefault(name, bytearray())
        self.waiting.setdefault(name, []).append((offset, data))

    def sync(self, name: str) -> None:
        image = self.synced.setdefault(name, bytearray())
        for offset, data in self.waiting.pop(name, []):
            put(image, offset, data)

    def cut(self, into: Path, rnd: random.Random) -> None:
        """Leave what a cut leaves, in a new directory."""
        for name, image in self.synced.items():
            left = bytearray(image)
            for offset, data in self.waiting.get(name, []):
                if rnd.random() < 0.5:
                    continue
                put(left, offset, torn(data, rnd))
            (into / Path(name).name).write_bytes(left)


def torn(data: bytes | None, rnd: random.Random) -> bytes | None:
    """Return what was written, or its first sectors."""
    if data is None or rnd.random() < 0.8:
        return data
    return data[: SECTOR * rnd.randrange(max(1, len(data) // SECTOR))]


def put(image: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del image[offset:]
        return
    image.extend(bytes(max(0, offset + len(data) - len(image))))
    image[offset : offset + len(data)] = data


def mounted(name: str, disk: Disk) -> Any:
    """Register a file system of SQLite's that tells ``disk`` of every write and sync."""

    class File(apsw.VFSFile):
        def __init__(self, base: str, path: Any, flags: Any) -> None:
            self.path = path.filename() if isinstance(path, apsw.URIFilename) else path
            super().__init__(base, path, flags)

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # the name of SQLite
            disk.note(self.path, offset, bytes(data))
            super().xWrite(data, offset)

        def xTruncate(self, size: int) -> None:  # noqa: N802  # the name of SQLite
            disk.note(self.path, size, None)
            super().xTruncate(size)

        def xSync(self, flags: int) -> None:  # noqa: N802  # the name of SQLite
            super().xSync(flags)
            disk.sync(self.path)

    class System(apsw.VFS):
        def __init__(self) -> None:
            super().__init__(name, "")

        def xOpen(self, path: Any, flags: Any) -> Any:  # noqa: N802  # the name of SQLite
            return File("", path, flags)

        def xDelete(self, path: str, sync: bool) -> None:  # noqa: N802  # the name of SQLite
            super().xDelete(path, sync)
            disk.synced.pop(path, None)
            disk.waiting.pop(path, None)

    return System()


def cut_once(folder: Path, seed: int) -> tuple[int, int]:
    """Append until the power goes; return how many were acknowledged, and how many are left."""
    rnd, disk = random.Random(seed), Disk()
    folder.mkdir()
    system = mounted(f"cut-{seed}", disk)
    connection = apsw.Connection(str(folder / "ledger.db"), vfs=f"cut-{seed}")
    connection.execute("PRAGMA journal_mode=WAL")
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    connection.execute(f"PRAGMA wal_autocheckpoint={rnd.choice([10, 40, 1000])}")
    connection.execute(f"BEGIN IMMEDIATE;{SCHEMA}COMMIT;")
    chain = Chain(connection)  # type: ignore[arg-type]  # of the same shape
    count = 0
    for _ in range(rnd.randrange(5, 60)):
        size = rnd.choice([1, 1, 5, 20])
        chain.commit([[content_of(draft(n)) for n in range(count, count + size)]])
        count += size
    if rnd.random() < 0.5:  # in the midst of the next one
        connection.execute("BEGIN IMMEDIATE")
    after = folder / "after"
    after.mkdir()
    disk.cut(after, rnd)
    open_existing(after / "ledger.db").close()  # as the writer does that comes next
    found = verify(after / "ledger.db")
    assert found.problems == (), seed
    connection.close(True)
    del system
    shutil.rmtree(folder)
    return count, found.entries


@pytest.mark.stress
def test_no_acknowledged_entry_is_lost_when_the_power_goes(tmp_path: Path) -> None:
    acknowledged = left = 0
    for number in range(CUTS):
        seed = SEED * 10_000 + number
        recorded_, found = cut_once(tmp_path / str(number), seed)
        assert found >= recorded_, seed
        acknowledged, left = acknowledged + recorded_, left + found
    print(f"{CUTS} power cuts, {acknowledged} acknowledged, {left} found: none lost")


def test_a_few_power_cuts_lose_nothing(tmp_path: Path) -> None:
    for number in range(3):
        recorded_, found = cut_once(tmp_path / str(number), SEED * 10_000 + number)
        assert found >= recorded_


@pytest.mark.stress
def test_a_hundred_kills_of_the_writer_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    acknowledged: set[int] = set()
    for number in range(ROUNDS):
        acknowledged |= appended_until_killed(path, number * 100_000, tmp_path / f"out-{number}")
        assert verify(path).problems == ()
    numbers = recorded(path)
    assert acknowledged <= numbers
    assert {n ^ 1 for n in numbers} == numbers  # calls of two
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged: none lost")
