"""A number that is referred to is there: a decision, numbered once, or a rule of a module.

Code that cites a rule says in a few words what it is for: ``# (4) on the ledger first``.
Whoever wants the whole of it looks up rule 4 in the module's docstring; a number alone sends
everybody there, and so do several, or one beside the code of an error. Tests cite like all others.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.test_hygiene import ROOT, everything

ADRS = ROOT / "docs/adr"
NAME = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
REFERENCE = re.compile(r"\badr/(\d{4}(?:-[a-z0-9-]+\.md)?)")
AMONG_THEMSELVES = re.compile(r"\b00\d\d\b(?:-[a-z0-9-]+\.md)?")  # they leave out the folder
TITLE = re.compile(r"# (\d{4}): ")

CODE = (
    *("dsl", "workflows", "activities", "integrations", "mandate", "worker.py"),
    *("tests", "bench", "deploy"),
)
CITED = re.compile(r"(?<!\S)\((\d+)\)")  # not that of ``timeout(1)``
MAY_CITE = re.compile(r"#.*(?<!\S)\(\d+\)")
NO_WORDS = re.compile(r"\(\d+\)|\bDSL\d{3}\b|\W")

NAMES = sorted(path.name for path in ADRS.iterdir())
NUMBERS = [name[:4] for name in NAMES]


def known(reference: str) -> bool:
    return reference in NAMES or reference in NUMBERS


def test_every_number_is_used_once():
    assert [number for number, times in Counter(NUMBERS).items() if times > 1] == []
    assert [name for name in NAMES if not NAME.fullmatch(name)] == []


def test_a_title_bears_the_number_of_its_file():
    titles = {name: TITLE.match((ADRS / name).read_text()) for name in NAMES}

    assert {name: match and match[1] for name, match in titles.items()} == {
        name: name[:4] for name in NAMES
    }


def test_what_is_referred_to_is_there():
    references = [
        (str(path.relative_to(ROOT)), reference)
        for path in everything()
        for reference in REFERENCE.findall(path.read_text())
    ]

    assert len(references) > 10
    assert [each for each in references if not known(each[1])] == []


def test_what_decisions_say_of_each_other_is_there():
    references = [
        (name, reference)
        for name in NAMES
        for reference in AMONG_THEMSELVES.findall((ADRS / name).read_text().partition("\n")[2])
    ]

    assert len(references) > 4
    assert [each for each in references if not known(each[1])] == []


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Return line and words of each comment; one may stand behind another on the line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from ((token.start[0], each) for each in token.string.split("#"))


def says_why(comment: str) -> bool:
    return NO_WORDS.sub("", comment) != ""


@cache
def cited() -> list[tuple[Path, int, list[str], bool]]:
    """Return file, line, the numbers, and whether there are words, of each citation."""
    return list(_cited())


def _cited() -> Iterator[tuple[Path, int, list[str], bool]]:
    for place in (ROOT / each for each in CODE):
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            text = path.read_text()
            if not MAY_CITE.search(text):
                continue
            for line, comment in comments(text):
                numbers = CITED.findall(comment)
                if numbers:
                    yield path, line, numbers, says_why(comment)


@cache
def rules_of(path: Path) -> set[str]:
    """Return the numbers of the rules that stand in the module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return set(re.findall(r"^(\d+)\. ", text, re.MULTILINE)) | set(re.findall(r"\((\d+)\)", text))


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("(4) on the ledger first", True),
        ("nobody is asked (2)", True),
        *((bare, False) for bare in ("(1)", "(1); (2)", "(1), (2)", "(1) (2).", "DSL316; (5)")),
    ],
)
def test_numbers_and_codes_are_no_words(comment, says):
    assert says_why(comment) is says


def test_no_rule_is_cited_by_its_number_alone():
    places = [(f"{path.relative_to(ROOT)}:{line}", says) for path, line, _, says in cited()]

    assert len(places) > 300
    assert [place for place, says in places if not says] == []


def test_every_rule_that_is_cited_stands_in_the_docstring():
    missing = [
        f"{path.relative_to(ROOT)}:{line}: ({number})"
        for path, line, numbers, _ in cited()
        for number in numbers
        if number not in rules_of(path)
    ]

    assert missing == []
