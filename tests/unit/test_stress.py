"""``make stress`` runs what ``make test`` leaves out, and searches as far as it is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from hypothesis import settings

from tests.fixtures.search import FACTOR, INPUTS, NEAR, SHARE, inputs
from tests.unit.mandate.programs import ROOT

LEFT_OUT = "tests/stress"
SEARCHES = "tests/unit/boundaries"


def made(*arguments: str) -> str:
    """Return the commands that make would run."""
    return subprocess.run(
        ["/usr/bin/env", "make", "--dry-run", *arguments],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def selected(expression: str, *folders: str) -> list[int]:
    """Return how many tests of each folder are selected."""
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", expression, *folders],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = [line for line in listed.splitlines() if "::" in line]
    return [sum(name.startswith(folder) for name in names) for folder in folders]


def test_it_selects_what_takes_long_and_the_searches():
    (expression,) = re.findall(r'-m "([^"]+)"', made("stress"))

    assert min(selected(expression, LEFT_OUT, SEARCHES)) > 3


def test_its_seed_and_how_far_it_goes_are_said_once_and_handed_on():
    said = made("stress", "SEED=7", "FACTOR=3", f"ONLY={SEARCHES}")

    assert "seed 7" in said
    assert "MANDATE_SEARCH_FACTOR=3 MANDATE_SEARCH_SEED=7" in said
    assert "--hypothesis-seed=7" in said
    assert f"pytest {SEARCHES}" in said
    assert len(set(re.findall(r"seed[= ](\d{9,})", made("stress").lower()))) == 1


def test_every_search_goes_as_far_as_it_was_told():
    code = (
        "from hypothesis import settings; from tests.fixtures.search import go_far, inputs; "
        "go_far(); print(settings().max_examples, inputs(7).max_examples)"
    )
    far = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "MANDATE_SEARCH_FACTOR": "30"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert far.split() == [str(30 * INPUTS), str(30 * 7)]
    assert inputs(700).max_examples == (700 * FACTOR if FACTOR > 1 else 700 // SHARE)
    assert FACTOR > 1 or settings().max_examples == NEAR
