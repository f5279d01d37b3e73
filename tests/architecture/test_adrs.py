"""Decisions are numbered once, and a number that is referred to is there."""

from __future__ import annotations

import re
from collections import Counter

from tests.architecture.test_hygiene import ROOT, everything

ADRS = ROOT / "docs/adr"
NAME = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
REFERENCE = re.compile(r"\badr/(\d{4}(?:-[a-z0-9-]+\.md)?)")
AMONG_THEMSELVES = re.compile(r"\b00\d\d\b(?:-[a-z0-9-]+\.md)?")  # they leave out the folder
TITLE = re.compile(r"# (\d{4}): ")

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
