"""The word of a door: signed with a key that is read when it is used, and no other is good."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.doors.key import DoorKey, door_key_of
from integrations.errors import DeniedError

KEY = "0123456789abcdef" * 4


def test_what_is_signed_with_the_key_is_good_and_nothing_else(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(KEY)
    key = DoorKey(file)
    word = key.sign(b"this vote")

    assert key.is_signed(b"this vote", word)
    assert not key.is_signed(b"another", word)
    assert not key.is_signed(b"this vote", "door:v1:AAAA")
    assert not key.is_signed(b"this vote", "door:v1:\u00ff\ud800")
    file.write_text(KEY[::-1])  # replaced: what it signed before is void
    assert not key.is_signed(b"this vote", word)
    assert door_key_of(None) is None


@pytest.mark.parametrize("content", ["", "short", None])
def test_a_key_that_is_none_signs_nothing_and_is_not_told(tmp_path: Path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DeniedError) as caught:
        DoorKey(file).sign(b"x")

    assert content in (None, "") or content not in str(caught.value).replace(str(file), "")
