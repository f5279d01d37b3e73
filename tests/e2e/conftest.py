"""Servers of a test module's own, which it may break, and a stack that is told to use them.

They are named to ``mandate up`` as a person's servers are: nobody starts them again but the test.
"""

from __future__ import annotations

import pytest

from tests.fixtures.servers.openbao import OpenBao, govern
from tests.fixtures.servers.valkey import ValkeyProcess
from tests.fixtures.stack import MandateUp


@pytest.fixture(scope="module")
async def bao(tmp_path_factory):
    server = OpenBao(tmp_path_factory.mktemp("bao"), on_disk=True, stays_sealed=True)
    try:
        server.start()
        await govern(server)
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with ValkeyProcess(tmp_path_factory.mktemp("store")) as server:
        yield server


@pytest.fixture(scope="module")
def servers(bao, store):
    """The variables that the stack is started with."""
    return {
        "VAULT_ADDR": bao.url,
        "MANDATE_VAULT_ROLES": str(bao.roles_dir),
        "MANDATE_DRAGONFLY_URL": store.url,
        "MANDATE_DRAGONFLY_PASSWORD_FILE": str(store.password_file),
    }


@pytest.fixture(scope="module")
async def up(tmp_path_factory, servers):
    async with MandateUp(tmp_path_factory.mktemp("up"), servers) as running:
        yield running
