"""A stack that experiments may break, for a module.

One for all of them would idle until all tests are over, which costs more than to start two more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mandate.work.chaos.ground.arena import ChaosArena
from tests.fixtures.servers.bun import bun


@pytest_asyncio.fixture(scope="module")
async def arena(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChaosArena]:
    folder = tmp_path_factory.mktemp("chaos")
    folder.chmod(0o700)
    async with ChaosArena(folder, seed=1, bun=bun()) as running:
        yield running
