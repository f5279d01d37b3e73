"""The embedded stack's people, logged in at a terminal of their own.

Each logs in once for a module, which takes a program and Vault; each test is handed a copy of what
that login has left.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fixtures.person import Somebody, demo_person
from tests.fixtures.stack import MandateUp

LoggedIn = Callable[[str, Path], Awaitable[Somebody]]


@pytest.fixture(scope="module")
def logged_in(mandate_up: MandateUp, tmp_path_factory: pytest.TempPathFactory) -> LoggedIn:
    homes = tmp_path_factory.mktemp("homes")

    async def person(name: str, folder: Path) -> Somebody:
        first = demo_person(mandate_up, homes, name)
        if not first.home.exists():
            await first.log_in()
        own = demo_person(mandate_up, folder, name)
        shutil.copytree(first.home, own.home)
        return own

    return person


@pytest_asyncio.fixture
async def ann(logged_in: LoggedIn, tmp_path: Path) -> Somebody:
    return await logged_in("ann", tmp_path)


@pytest_asyncio.fixture
async def bob(logged_in: LoggedIn, tmp_path: Path) -> Somebody:
    return await logged_in("bob", tmp_path)
