"""Fixtures shared by all tests: one real server of each kind for the whole session."""

from __future__ import annotations

from tests.fixtures.search import go_far

pytest_plugins = [
    "tests.fixtures.valkey",
    "tests.fixtures.temporal",
    "tests.fixtures.browser",
    "tests.fixtures.openbao",
    "tests.fixtures.engine",
    "tests.fixtures.stack",
    "tests.fixtures.striking",
    "tests.fixtures.hostile.arena",
]

go_far()
