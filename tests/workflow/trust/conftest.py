"""People who prove by their own key what they consent to."""

from __future__ import annotations

import pytest_asyncio

from tests.fixtures.servers.openbao import People
from tests.fixtures.voting import Signer, signer


@pytest_asyncio.fixture
async def ann(people: People) -> Signer:
    return await signer(people, "ann")


@pytest_asyncio.fixture
async def bob(people: People) -> Signer:
    return await signer(people, "bob")


@pytest_asyncio.fixture
async def cyd(people: People) -> Signer:
    return await signer(people, "cyd")
