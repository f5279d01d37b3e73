"""Identities of the session's OpenBao, logged in as their queues do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio

from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.brake import Brake, Release
from integrations.vault.identity.registry import Registrar, Registry
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login
from integrations.vault.signing.voters import Voters
from tests.fixtures.servers.openbao import OpenBao


@asynccontextmanager
async def logged_in(vault: Vault, server: OpenBao, queue: str) -> AsyncIterator[Login]:
    login = Login(vault, server.roles_dir, queue)
    try:
        yield login
    finally:
        await login.aclose()


@pytest_asyncio.fixture
async def broker(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, "mandate") as login:
        yield login


@pytest_asyncio.fixture
async def registrar(vault: Vault, openbao: OpenBao) -> AsyncIterator[Registrar]:
    async with logged_in(vault, openbao, "mandate-trust") as login:
        yield Registrar(vault, login)


@pytest_asyncio.fixture
async def broker_t3(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, "mandate-t3") as login:
        yield login


@pytest_asyncio.fixture
async def ledger_login(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, "mandate-ledger") as login:
        yield login


@pytest_asyncio.fixture
async def requests(vault: Vault, broker_t3: Login) -> ControlGroupRequests:
    return ControlGroupRequests(vault, broker_t3)


@pytest_asyncio.fixture
async def voters(vault: Vault, ledger_login: Login) -> Voters:
    return Voters(vault, ledger_login)


@pytest_asyncio.fixture
async def registry(vault: Vault, broker: Login) -> Registry:
    return Registry(vault, broker)


@pytest_asyncio.fixture
async def issuer(vault: Vault, broker: Login) -> TokenRoleIssuer:
    return TokenRoleIssuer(vault, broker)


@pytest_asyncio.fixture
async def promoter(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, naming.PROMOTER) as login:
        yield login


@pytest_asyncio.fixture
async def revoker(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, naming.REVOKER) as login:
        yield login


@pytest_asyncio.fixture
async def reinstater(vault: Vault, openbao: OpenBao) -> AsyncIterator[Login]:
    async with logged_in(vault, openbao, naming.REINSTATER) as login:
        yield login


@pytest_asyncio.fixture
async def changes(vault: Vault, promoter: Login) -> TierChanges:
    return TierChanges(vault, promoter)


@pytest_asyncio.fixture
async def brake(vault: Vault, revoker: Login) -> Brake:
    return Brake(vault, revoker)


@pytest_asyncio.fixture
async def release(vault: Vault, reinstater: Login) -> Release:
    return Release(vault, reinstater)
