"""``mandate --help``, the commands that are found, and what a shell completes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import typer.main

from mandate import commands
from mandate.cli import PANELS, app, command_line
from tests.unit.mandate.programs import ROOT, environment

FOLDER = Path(commands.__file__).parent
FILES = sorted(path for path in FOLDER.rglob("*.py") if path.name != "__init__.py")
FILE = '''\
from mandate.cli_options import end

def command(count: int = 1) -> None:
    """Say nothing."""
    end(count)
'''
# What of a command line costs: what asks a server, and what reads documents.
HEAVY = """
import sys, mandate.cli
heavy = {"asyncio", "temporalio", "pydantic", "yaml", "hvac", "redis", "sqlite3"}
print(*sorted(heavy & set(sys.modules)))
"""


def found(of: typer.Typer) -> dict[str, str]:
    """Return what is to be typed, and the panel of its first word."""
    rows: dict[str, str] = {}

    def look(command: object, panel: str, *words: str) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            rows[" ".join(words)] = panel
            return
        for word, each in inner.items():
            look(each, panel or str(each.rich_help_panel), *words, word)

    look(typer.main.get_group(of), "")
    return rows


@pytest.fixture(params=["a folder", "an archive"])
def package(request, tmp_path, monkeypatch):
    """Make a package of commands, as somebody adds them, where Python may find one."""
    name = request.param.replace(" ", "_")
    files = {
        "__init__.py": "",
        "trust/__init__.py": "",
        "trust/bless.py": FILE,
        "trust/breaker/__init__.py": '"""Halt an agent everywhere."""',
        "trust/breaker/reset.py": FILE,
        "parlour/__init__.py": "",
        "parlour/list.py": FILE,
    }
    place = tmp_path / "commands.zip" if request.param == "an archive" else tmp_path
    if place is tmp_path:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
    else:
        with ZipFile(place, "w") as archive:
            for path, text in files.items():
                archive.writestr(f"{name}/{path}", text)
    monkeypatch.syspath_prepend(place)
    return import_module(name)


def test_a_file_is_a_command_and_nothing_else_lists_it(package):
    made = command_line(package)

    assert found(made) == {
        "bless": "Trust",
        "breaker reset": "Trust",
        "list": "Parlour",
    }
    for words in ("bless", "breaker reset", "list"):
        with pytest.raises(SystemExit) as ended:
            made([*words.split(), "--count", "7"])
        assert ended.value.code == 7


def test_every_file_of_ours_is_a_command_in_the_panel_of_its_room():
    expected = {}
    for file in FILES:
        room, *words = (
            file.relative_to(FOLDER).with_suffix("").as_posix().replace("_", "-").split("/")
        )
        expected[" ".join(words)] = PANELS[room]

    assert found(app) == expected
    assert set(expected.values()) == set(PANELS.values())


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_command_says_what_it_does_in_one_sentence(file):
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    first, _, _ = (import_module(name).command.__doc__ or "").partition("\n")

    assert first.endswith(".")


def test_finding_the_commands_loads_nothing_that_they_need():
    loaded = subprocess.run(
        [sys.executable, "-c", HEAVY], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert loaded.stdout.split() == []


def test_a_shell_completes_the_commands(tmp_path):
    asked = {"_MANDATE_COMPLETE": "complete_bash", "COMP_WORDS": "mandate ap", "COMP_CWORD": "1"}
    installed = Path(sys.executable).with_name("mandate")

    said = subprocess.run(
        [installed],
        cwd=tmp_path,
        env=environment(asked),
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["approve"]


def test_what_is_no_word_of_a_group_goes_to_its_usual_command(tmp_path, monkeypatch):
    usual = '"""Look."""\n\nUSUAL = "run"\n'
    files = {"__init__.py": "", "look/__init__.py": "", "look/view/__init__.py": usual}
    for path, text in {**files, "look/view/run.py": FILE, "look/view/other.py": FILE}.items():
        (tmp_path / "with_usual" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "with_usual" / path).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    made = command_line(import_module("with_usual"))

    for words, code in (("--count 3", 3), ("run --count 4", 4), ("other --count 5", 5), ("-h", 0)):
        with pytest.raises(SystemExit) as ended:
            made(["view", *words.split()])
        assert ended.value.code == code


OF_LIBRARIES = re.compile(r"Value error|Input should|unable to parse|pydantic", re.IGNORECASE)
WRONG = ("nope", "-1", "99999999")


def complaints() -> Iterator[tuple[str, str]]:
    """Yield what each command says of words that it cannot take; nothing of it is run."""

    def look(command: Any, *words: str) -> Iterator[tuple[str, str]]:
        for word, each in getattr(command, "commands", {}).items():
            yield from look(each, *words, word)
        if hasattr(command, "commands"):
            return
        options = [each.opts[0] for each in command.params if each.param_type_name == "option"]
        tried = [[f"{option}={wrong}"] for option in options for wrong in WRONG if option[1] == "-"]
        tried += [[wrong] * len(command.params) for wrong in WRONG if wrong[0] != "-"]
        for arguments in tried:
            try:
                command.make_context(" ".join(words), list(arguments))
            except typer.BadParameter as error:
                yield " ".join((*words, *arguments)), error.format_message()
            except (typer.Exit, typer.TyperException):  # it took the words, or misses others
                pass

    return look(typer.main.get_group(app))


def test_no_command_speaks_of_its_words_as_a_library_does():
    said = dict(complaints())

    assert len([each for each in said.values() if "is not one of" in each]) >= 4, said
    assert len([each for each in said.values() if "expected" in each]) >= 20, said
    assert {words: each for words, each in said.items() if OF_LIBRARIES.search(each)} == {}
