"""Heads read from a real store: of the bytes of the digest, or it is said that they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsl.limits import HEAD_OF_BYTES_MAX
from dsl.shown.heads import HeadState
from integrations.artifacts.heads import read_head
from integrations.artifacts.store import Artifacts

TOKEN = "hvs." + "A" * 40


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def test_the_head_of_a_text_is_its_first_lines(artifacts: Artifacts):
    kept = artifacts.put(b"one\ntwo\n")

    head = read_head(artifacts, kept.digest)

    assert (head.state, head.lines, head.is_cut, head.size) == (
        HeadState.TEXT,
        ("one", "two"),
        False,
        8,
    )


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a\0b", bytes(range(256)), b"\xe2\x82"])
def test_what_is_no_text_has_no_head(artifacts: Artifacts, data: bytes):
    head = read_head(artifacts, artifacts.put(data, "text/plain").digest)

    assert (head.state, head.lines, head.size) == (HeadState.NO_TEXT, (), len(data))


@pytest.mark.parametrize("shift", range(4))
def test_a_character_that_is_cut_in_two_makes_a_text_no_less_one(artifacts: Artifacts, shift: int):
    data = b"x" * shift + "\U0001f600".encode() * 10_000

    assert read_head(artifacts, artifacts.put(data).digest).state is HeadState.TEXT


@pytest.mark.parametrize("before", [0, 100, 16_300, 16_380])
def test_no_part_of_a_token_is_shown(artifacts: Artifacts, before: int):
    data = ("-" * before + TOKEN + "-" * 20_000).replace("-", "\n-", 1)

    head = read_head(artifacts, artifacts.put(data.encode()).digest)

    assert "A" * 10 not in "".join(head.lines)
    assert head.is_cut


def test_bytes_that_are_not_those_of_the_digest_are_not_shown(artifacts: Artifacts, tmp_path: Path):
    kept = artifacts.put(b"approve this")
    (place,) = (tmp_path / "artifacts").rglob(kept.digest.removeprefix("sha256:"))
    place.chmod(0o600)
    place.write_bytes(b"another text")

    head = read_head(artifacts, kept.digest)

    assert (head.state, head.lines) == (HeadState.CHANGED, ())


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "../../etc/passwd", ""])
def test_what_is_not_there_is_said_to_be_gone(artifacts: Artifacts, digest: str):
    assert read_head(artifacts, digest).state is HeadState.GONE


def test_a_file_too_large_for_a_head_is_said_to_be(artifacts: Artifacts):
    kept = artifacts.put(os.urandom(1) * (HEAD_OF_BYTES_MAX + 1))

    assert read_head(artifacts, kept.digest).state is HeadState.TOO_LARGE
