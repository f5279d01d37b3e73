"""``mandate ledger fsck`` says what a file is, also one that is no ledger any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from integrations.ledger.writer import Writer
from mandate.work.look.ledger import fsck
from tests.integration.ledger.drafts import draft, intruder

PAGE_BYTES = 4_096


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    path = tmp_path / "ledger.db"

    async def write() -> None:
        writer = Writer(path)
        await writer.append([draft(n) for n in range(50)])
        writer.close()

    asyncio.run(write())
    return path


def test_a_sound_one_is_well(path: Path, capsys: pytest.CaptureFixture[str]):
    assert fsck(path, data_dir=None) == 0
    about_file, writer, notes, verdict, *_ = capsys.readouterr().out.splitlines()
    assert about_file == "sqlite   ok"
    assert writer.startswith("writer ")
    assert notes == "notes    0 kept in the file"
    assert "ok, 50 entries" in verdict


def test_every_damaged_page_is_told_in_words(path: Path, capsys: pytest.CaptureFixture[str]):
    whole = path.read_bytes()
    for first in range(PAGE_BYTES, len(whole), PAGE_BYTES):
        path.write_bytes(whole[:first] + b"\xff" * PAGE_BYTES + whole[first + PAGE_BYTES :])
        assert fsck(path, data_dir=None) == 1
    path.write_bytes(b"no ledger")
    assert fsck(path, data_dir=None) == 1
    assert "ledger fsck: " in capsys.readouterr().err


def test_an_altered_schema_is_told_in_words(path: Path, capsys: pytest.CaptureFixture[str]):
    with intruder(path) as other:
        other.execute("DROP TABLE checkpoint")

    assert fsck(path, data_dir=None) == 1
    assert "checkpoint" in capsys.readouterr().err
