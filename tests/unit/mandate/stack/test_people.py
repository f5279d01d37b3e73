"""The passwords of the embedded stack's people: made once, kept, and private."""

from __future__ import annotations

import json

import pytest

from mandate.stack.errors import StackError
from mandate.stack.people import GROUPS, NAMES, passwords


def test_passwords_are_made_once_and_kept_where_only_we_read(tmp_path):
    first = passwords(tmp_path)
    file = tmp_path / "people.json"

    assert tuple(first) == NAMES == ("ann", "bob", "cyd")
    assert len(set(first.values())) == len(NAMES)
    assert all(len(password) >= 20 for password in first.values())
    assert json.loads(file.read_text()) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert passwords(tmp_path) == first


def test_a_password_of_ones_own_is_kept_and_what_is_missing_is_made(tmp_path):
    (tmp_path / "people.json").write_text(json.dumps({"ann": "own", "dan": "more"}))
    found = passwords(tmp_path)

    assert found["ann"] == "own"
    assert set(found) == set(NAMES)
    assert json.loads((tmp_path / "people.json").read_text())["dan"] == "more"


@pytest.mark.parametrize("content", ["", "[]", '{"ann": 5}', "\x00"])
def test_a_damaged_file_is_refused_with_the_fix(tmp_path, content):
    (tmp_path / "people.json").write_text(content)

    with pytest.raises(StackError, match="remove it"):
        passwords(tmp_path)


def test_groups_are_of_people_there_are():
    assert {name for members in GROUPS.values() for name in members} <= set(NAMES)
