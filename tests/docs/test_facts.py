"""Numbers and names that our documents state are those of the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsl import limits
from mandate.stack.options import UI_PORT
from tests.docs.blocks import ROOT

VARIABLE = re.compile(r"MANDATE_[A-Z_]+")
SOURCES = ("integrations", "workflows", "activities", "dsl", "mandate")
# Said by the embedded stack to its own workers: nobody else may register a catalogue so.
OF_THE_STACK = {"MANDATE_REGISTER_CATALOGUE"}
PINNED = re.compile(r'"Programming Language :: Python :: (3\.\d+)"')


def words_of(page: str) -> str:
    return " ".join((ROOT / page).read_text().split())


def read_by_us() -> set[str]:
    files: list[Path] = [path for name in SOURCES for path in (ROOT / name).rglob("*.py")]
    return {name for path in files for name in VARIABLE.findall(path.read_text())}


def test_operations_list_every_variable_we_read_and_no_other():
    table = [
        line for line in (ROOT / "docs/operations.md").read_text().splitlines() if line[:2] == "| "
    ]

    assert set(VARIABLE.findall("\n".join(table))) == read_by_us() - OF_THE_STACK


@pytest.mark.parametrize(
    ("page", "fact"),
    [
        ("docs/language.md", f"{limits.STAGES_MAX:,} stages"),
        ("docs/language.md", f"{limits.STAGE_NESTING_MAX} levels of nesting"),
        ("docs/language.md", f"{limits.BRANCHES_MAX} branches"),
        ("docs/language.md", f"{limits.RETRIES_MAX} retries"),
        ("docs/language.md", f"{limits.SECRETS_MAX} secrets per stage"),
        ("docs/language.md", f"at most 1 MiB and {limits.DOCUMENT_DEPTH_MAX} levels"),
        ("docs/errors.md", f"more than {limits.STAGES_MAX:,} stages"),
        ("docs/errors.md", f"more than {limits.STAGE_NESTING_MAX} deep"),
        ("docs/errors.md", f"more than {limits.DOCUMENT_NODES_MAX:,} values"),
        ("docs/errors.md", f"more than {limits.PROBLEMS_MAX} errors"),
        ("docs/errors.md", f"deeper than {limits.DOCUMENT_DEPTH_MAX} levels"),
        ("docs/threat-model.md", f"{limits.MESSAGE_BYTES_MAX >> 20} MiB of one"),
        (
            "docs/threat-model.md",
            f"{limits.MESSAGES_KEPT_MAX} of them, at {limits.MESSAGE_LENGTH_MAX} characters",
        ),
        ("README.md", f"http://127.0.0.1:{UI_PORT}"),
    ],
)
def test_a_number_in_the_documents_is_the_one_in_the_source(page, fact):
    assert fact.lower() in words_of(page).lower()


def test_one_mebibyte_is_the_limit_of_a_document():
    assert limits.DOCUMENT_BYTES_MAX == 1 << 20


def test_the_readme_names_the_pythons_we_say_we_support():
    versions = PINNED.findall((ROOT / "pyproject.toml").read_text())

    assert f"Python {versions[0]} to {versions[-1]}" in words_of("README.md")
