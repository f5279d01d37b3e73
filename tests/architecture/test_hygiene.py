"""What must not get into the repository, as far as a machine can see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("workflows", "activities", "dsl", "integrations", "mandate", "bench")
FOLDERS = (*SOURCE, "tests", "docs", "deploy")
SUFFIXES = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".hcl", ".lua", ".sql", ""}
GENERIC_NAMES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}

HOME = re.compile(r"(?<![\w.}])/(?:home|Users)/(?!mandate\b)\w+")
OPEN_ENDED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")
INDEX = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host|\bpypi\.(?:org|python)")
TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hv[sbr]|xox[bp]|gh[pous])[._-][A-Za-z0-9_-]{24,}")
KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=]{40}")
PRINTED_SECRET = re.compile(r"(?:print|echo|log\w*\.\w+)\(.*\b(?:token|secret_id|password)\)")


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path


def everything() -> list[Path]:
    top = [path for path in ROOT.iterdir() if path.is_file() and path.suffix in SUFFIXES]
    generated = {"bench-result.json", ".git"}
    return sorted([*files(*FOLDERS), *(path for path in top if path.name not in generated)])


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    here = Path(__file__)
    return [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in paths
        if path != here
        for match in pattern.finditer(path.read_text())
    ]


def test_no_file_names_the_place_of_this_checkout():
    assert found(re.compile(re.escape(f"{ROOT}/")), everything()) == []


@pytest.mark.parametrize(
    "pattern", [HOME, OPEN_ENDED, INDEX, TOKEN, KEY], ids=["home", "todo", "index", "token", "key"]
)
def test_no_file_holds_what_belongs_to_one_machine_one_person_or_later(pattern):
    outside_tests = [path for path in everything() if "tests" not in path.parts]

    assert found(pattern, outside_tests) == []


def test_no_source_prints_what_is_named_like_a_secret():
    assert found(PRINTED_SECRET, list(files(*SOURCE))) == []


def test_no_module_is_named_after_nothing():
    names = {path.stem for path in files(*SOURCE, "tests")} | {
        folder.name for top in SOURCE for folder in (ROOT / top).rglob("*") if folder.is_dir()
    }

    assert names & GENERIC_NAMES == set()


def test_a_package_file_says_what_the_package_is_and_does_nothing():
    """import-linter is blind to what an ``__init__`` loads; ``mandate`` offers its one name."""
    busy = [
        path
        for folder in ("workflows", "activities", "dsl", "integrations")
        for path in (ROOT / folder).rglob("__init__.py")
        if not re.fullmatch(
            r'"""[^"]+"""\n(\nfrom __future__ import annotations\n)?', path.read_text()
        )
    ]

    assert busy == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (HOME, "see /home/ann/notes"),
        (HOME, '"/Users/ann"'),
        (OPEN_ENDED, "# TODO: later"),
        (INDEX, "pip install --index-url x"),
        (TOKEN, "hvs." + "a" * 24),
        (KEY, "-----BEGIN RSA PRIVATE KEY-----\n" + "M" * 40),
        (PRINTED_SECRET, "print(client.token)"),
    ],
)
def test_each_pattern_notices_what_it_is_for(pattern, text):
    assert pattern.search(text)
