"""Fixtures shared by all tests: one real server of each kind for each process that runs tests."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fixtures.search import go_far
from tests.fixtures.sharing.together import FoldersTogether
from tests.nested_imports import bear_nested_imports

pytest_plugins = [
    "tests.fixtures.servers.valkey",
    "tests.fixtures.servers.temporal",
    "tests.fixtures.servers.browser",
    "tests.fixtures.servers.openbao",
    "tests.fixtures.engine",
    "tests.fixtures.servers.doomed",
    "tests.fixtures.outside.worker",
    "tests.fixtures.sharing.standing",
    "tests.fixtures.stack",
    "tests.fixtures.chaos.stand",
    "tests.fixtures.hostile.striking",
    "tests.fixtures.hostile.arena",
]

TESTS: Final = Path(__file__).parent
SERVERS: Final = {"valkey", "temporal", "openbao"}
STANDING: Final = {"mandate_up", "arena"}
# Where several processes share the tests, none is to begin a long file when the others are done.
LONGEST_FIRST: Final = ("e2e", "docs", "workflow", "integration", "architecture", "replay")

bear_nested_imports()
go_far()
# Several processes of tests share the cores, each with servers written in Go: one that spreads over
# all of them takes a seventh more CPU for the same work, and makes the others wait.
os.environ.setdefault("GOMAXPROCS", "1")
# Where CI asks all programs for colours, what they say would hold none of the words looked for.
for name in ("FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "GITHUB_ACTIONS"):
    os.environ.pop(name, None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As behind nohup, and programs that tests interrupt would ignore it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-servers", action="store_true", help="leave out the tests that ask for a server"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes longest first, and no test of a server where none is wanted.

    What is asked of a stack that stands for several modules is asked in a row.
    """
    asking = {item.path for item in items if STANDING & _fixtures_of(item)}
    items.sort(key=lambda item: (_place(item), item.path not in asking))
    if config.getoption("--no-servers"):
        left_out = [item for item in items if SERVERS & _fixtures_of(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FoldersTogether | None:
    """Share the tests file by file as `make test` asks for, with some folders kept together."""
    return FoldersTogether(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """Have collections of garbage leave alone what is loaded: it stays, and is a lot to look at."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, object, object]:
    """Collect no garbage while a failure is told.

    What is found then may warn, whoever tells of that parses source code, and Python 3.11 cannot
    parse while it parses: the failure of one test would end all of them.
    """
    if call.excinfo is None:
        return (yield)
    gc.collect()
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def _fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)
