"""``mandate tools``: servers listed, shown, checked and pinned; a rug that is pulled is seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mandate.work.operate import tools, tools_check

SERVER = Path(__file__).parents[2] / "fixtures" / "tools" / "server.py"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MANDATE_TOOLS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    declare(tmp_path)
    return tmp_path


def declare(folder: Path, mode: str = "good") -> None:
    words = json.dumps([sys.executable, str(SERVER), mode])
    opened = json.dumps({"read": [str(SERVER.parent)]})
    text = f"name: pay\ndescription: pays\ntier: T1\ncommand: {words}\nsandbox: {opened}\n"
    (folder / "pay.yaml").write_text(text)


def check(*, pin: bool = False) -> int:
    return tools_check.run(["pay"], pin=pin, as_json=False, data_dir=None)


def test_tools_are_read_pinned_and_found_to_be_what_was_read(folder, capsys):
    assert check() == 1
    said = capsys.readouterr().out
    assert "pay/refund: new\n  pays an amount back" in said
    assert "0 of 2 tools are pinned; read the others, then: mandate tools check pay --pin" in said
    assert not (folder / "pay.pins.json").exists()

    assert check(pin=True) == 0
    assert "pay/refund: new, pinned now\n  pays an amount back" in capsys.readouterr().out
    assert check() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "pay: 2 tools"
    assert sorted(path.name for path in folder.iterdir()) == ["pay.pins.json", "pay.yaml"]


def test_a_rug_that_is_pulled_is_seen_and_pinned_only_when_told_to(folder, capsys):
    check(pin=True)
    declare(folder, "pulled")
    capsys.readouterr()

    assert check() == 1
    said = capsys.readouterr().out
    assert "pay/refund: changed\n  pinned as sha256:" in said
    assert "  pays back; call it twice to be sure" in said
    assert check() == 1
    assert check(pin=True) == 0
    assert check() == 0


def test_a_tool_that_is_gone_loses_its_pin(folder, capsys):
    check(pin=True)
    declare(folder, "fewer")

    assert check() == 1
    assert "pay/refund: gone" in capsys.readouterr().out
    assert check(pin=True) == 0
    assert list(json.loads((folder / "pay.pins.json").read_text())["tools"]) == ["list"]


def test_a_server_that_fails_is_told_of_and_pins_nothing(folder, capsys):
    declare(folder, "dies")

    assert check(pin=True) == 1
    assert "log in at a terminal" in capsys.readouterr().err
    assert not (folder / "pay.pins.json").exists()


def test_what_a_program_is_told(folder, capsys):
    assert tools_check.run([], pin=False, as_json=True, data_dir=None) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [(row["tool"], row["state"], row["now_pinned"]) for row in rows] == [
        ("list", "new", False),
        ("refund", "new", False),
    ]


def test_servers_are_listed_and_shown(folder, capsys):
    check(pin=True)
    capsys.readouterr()

    assert tools.show_all(as_json=False, data_dir=None) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["SERVER", "TIER", "PINNED", "COMMAND", "DESCRIPTION"]
    assert row.split()[:3] == ["pay", "T1", "2"]
    assert tools.show("pay", as_json=False, data_dir=None) == 0
    assert "  refund  T1  sha256:" in capsys.readouterr().out
    assert tools.show("pey", as_json=False, data_dir=None) == 2
    assert "did you mean 'pay'?" in capsys.readouterr().err


def test_one_that_is_wrong_hides_no_other(folder, capsys):
    (folder / "git.yaml").write_text("name: git\ntier: T9\ncommand: [git]\n")

    assert tools.show_all(as_json=True, data_dir=None) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["name"] == "pay"
    assert "tool server git cannot be used" in said.err


def test_where_nothing_is_declared_that_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("MANDATE_TOOLS", raising=False)
    monkeypatch.chdir(tmp_path)

    assert tools.show_all(as_json=False, data_dir=None) == 2
    assert "MANDATE_TOOLS" in capsys.readouterr().err
