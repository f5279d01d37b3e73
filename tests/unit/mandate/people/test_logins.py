"""The file with the logins: where it lies, who may read it, and that two stacks do not mix."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mandate.people.errors import UsageError
from mandate.people.login.logins import LOGINS_MAX, Login, Logins
from mandate.stack.errors import SettingError
from mandate.stack.home import home

ANN = Login("ann", "e-1", "s.token-of-ann", 2_000_000_000)
BOB = Login("bob", "e-2", "s.token-of-bob", 2_000_000_001)
HERE = "http://127.0.0.1:8200"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mandate"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        ({"MANDATE_HOME": "/own", "XDG_STATE_HOME": "/state"}, "/own"),
        ({"XDG_STATE_HOME": "/state"}, "/state/mandate"),
        ({"XDG_STATE_HOME": "relative"}, "~/.local/state/mandate"),
        ({}, "~/.local/state/mandate"),
        ({"MANDATE_HOME": ""}, "~/.local/state/mandate"),
    ],
)
def test_logins_lie_in_the_callers_own_state_directory(caller, expected):
    assert home(caller) == Path(expected).expanduser()


def test_what_was_kept_is_found_again_and_is_private(folder):
    before = os.umask(0)
    try:
        Logins(folder).put(HERE, ANN)
    finally:
        os.umask(before)

    assert Logins(folder).get(HERE) == ANN
    assert (mode(folder), mode(folder / "login.json")) == (0o700, 0o600)


def test_there_is_one_login_per_vault(folder):
    logins = Logins(folder)
    logins.put(HERE, ANN)
    logins.put("https://vault.example", BOB)
    logins.put(HERE + "/", BOB)

    assert (logins.get(HERE), logins.get("https://vault.example")) == (BOB, BOB)
    logins.remove(HERE)
    assert (logins.get(HERE), logins.get("https://vault.example")) == (None, BOB)


def test_without_a_file_nobody_is_logged_in_and_nothing_is_made(folder):
    logins = Logins(folder)
    logins.remove(HERE)

    assert logins.get(HERE) is None
    assert not folder.exists()


@pytest.mark.parametrize("others", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused(folder, others):
    Logins(folder).put(HERE, ANN)
    (folder / "login.json").chmod(others)

    for use in (lambda: Logins(folder).get(HERE), lambda: Logins(folder).put(HERE, BOB)):
        with pytest.raises(UsageError, match=rf"mode {others:04o}.*log in again"):
            use()


@pytest.mark.parametrize("make", ["link", "folder", "pipe"])
def test_what_is_no_file_of_ours_is_refused_at_once(folder, make):
    Logins(folder).put(HERE, ANN)
    file = folder / "login.json"
    file.rename(folder / "moved")
    {
        "link": lambda: file.symlink_to(folder / "moved"),
        "folder": file.mkdir,
        "pipe": lambda: os.mkfifo(file, 0o600),
    }[make]()

    with pytest.raises(UsageError):
        Logins(folder).get(HERE)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        "[]",
        "[" * 100_000,
        json.dumps({HERE: []}),
        json.dumps({HERE: {"name": "ann"}}),
        json.dumps({HERE: {"name": 1, "entity": "e", "token": "t", "expires": 1}}),
        json.dumps({HERE: {"name": "ann", "entity": "e", "token": "t", "expires": True}}),
        json.dumps({"filler": "x" * (1 << 17)}),
    ],
    ids=range(9),
)
def test_a_damaged_file_is_refused_with_the_fix(folder, content):
    Logins(folder).put(HERE, ANN)
    (folder / "login.json").write_text(content)

    with pytest.raises(UsageError, match=r"damaged: remove it and log in again"):
        Logins(folder).get(HERE)


def test_a_directory_that_others_may_enter_is_refused(folder):
    folder.mkdir(parents=True, mode=0o755)
    (folder / "something").touch()

    with pytest.raises(SettingError, match="chmod 700"):
        Logins(folder).put(HERE, ANN)


def test_there_is_an_end_to_how_many_are_kept(folder):
    one = {"name": "a", "entity": "e", "token": "t", "expires": 1}
    Logins(folder).put(HERE, ANN)
    many = {f"http://v{number}": one for number in range(LOGINS_MAX)}
    (folder / "login.json").write_text(json.dumps(many))

    with pytest.raises(UsageError, match=f"holds {LOGINS_MAX} logins"):
        Logins(folder).put(HERE, ANN)


def test_a_token_is_not_printed():
    assert ANN.token not in f"{ANN!r} {ANN}"
