"""Workflows that bear the names of ours, and the people whose word they have; for forgeries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest_asyncio

from tests.fixtures.engine import Engine
from tests.fixtures.hostile.impostor import signers
from tests.fixtures.hostile.masks import Another, masked, somebody
from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import Signer


@pytest_asyncio.fixture(scope="module")
async def everybody(people: People) -> dict[str, Signer]:
    return await signers(people)


@pytest_asyncio.fixture(scope="module")
async def another(running_engine: Engine, everybody: dict[str, Signer]) -> AsyncIterator[Another]:
    async with masked(running_engine) as client:
        yield partial(somebody, running_engine, client, everybody)
