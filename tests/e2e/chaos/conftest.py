"""A stack that experiments may break, for modules in a row."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mandate.work.chaos.ground.arena import ChaosArena
from tests.fixtures.servers.bun import bun
from tests.fixtures.sharing.standing import Standing


@pytest_asyncio.fixture(scope="session")
async def standing_arena() -> AsyncIterator[Standing[ChaosArena]]:
    async with Standing[ChaosArena]("arena") as standing:
        yield standing


@pytest_asyncio.fixture(scope="module")
async def arena(
    standing_arena: Standing[ChaosArena],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[ChaosArena]:
    def made() -> ChaosArena:
        folder = tmp_path_factory.mktemp("chaos")
        folder.chmod(0o700)
        return ChaosArena(folder, seed=1, bun=bun())

    yield await standing_arena.begin(made)
    await standing_arena.end(request.session)
