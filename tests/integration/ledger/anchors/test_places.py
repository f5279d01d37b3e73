"""Anchors believe nothing of their place: neither what lies there nor what surrounds them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from dsl.rules.ledger.note import NOTE_BYTES_MAX
from integrations.ledger.anchors.anchor import Kept
from integrations.ledger.anchors.directory import DirectoryAnchor
from integrations.ledger.anchors.git import GitAnchor

ORIGIN = "test.example.com/ledger"
NOTE = f"{ORIGIN}\n7\nroot\n\nsigned\n"
KEYS = ("one", "other")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "anchor.git"
    subprocess.run(["git", "init", "--bare", "--quiet", place], check=True)
    return place


async def test_git_goes_by_no_configuration_of_its_caller(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".gitconfig").write_text("nonsense\n")  # whoever reads it fails
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    anchor = GitAnchor(repository, ORIGIN)
    await anchor.publish(NOTE, KEYS)

    assert await anchor.read() == Kept((NOTE,), KEYS)
    assert not (tmp_path / "elsewhere").exists()


async def test_what_is_too_long_for_a_note_is_not_read_from_git(repository: Path):
    anchor = GitAnchor(repository, ORIGIN)
    await anchor.publish(NOTE, KEYS)
    await anchor.publish(f"{ORIGIN}\n8\n{'x' * NOTE_BYTES_MAX}\n\n", KEYS)

    assert await anchor.read() == Kept((NOTE, ""), KEYS)


def test_nor_from_a_directory_and_what_is_no_text_hinders_nothing(tmp_path: Path):
    anchor = DirectoryAnchor(tmp_path, ORIGIN)
    asyncio.run(anchor.publish(NOTE, KEYS))
    [note] = tmp_path.rglob("*.note")
    [keys] = tmp_path.rglob("keys")
    with note.open("ab") as file:
        file.truncate(1 << 30)  # a sparse one
    keys.write_bytes(b"one\xff\nother\n")
    found = asyncio.run(anchor.read())

    assert [len(each) for each in found.notes] == [NOTE_BYTES_MAX + 1]
    assert found.keys == ("one\ufffd", "other")
    asyncio.run(anchor.publish(NOTE, KEYS))
    assert asyncio.run(anchor.read()).keys == KEYS
