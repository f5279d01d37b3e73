"""A Vault that speaks TLS, by a certificate of an authority that only the environment names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from integrations.errors import DeniedError
from integrations.settings import read_settings
from integrations.vault.client import Vault
from tests.fixtures.servers.openbao import OpenBao

ROOT = Path(__file__).resolve().parents[3]
OPENED = ("Vault", "NotifySecrets")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    found = OpenBao(tmp_path_factory.mktemp("tls"), speaks_tls=True)
    found.start()
    yield found
    found.stop()


async def asked(**said: str) -> None:
    vault = Vault.of(read_settings(said))
    try:
        await vault.require_alive()
    finally:
        vault.close()


async def test_it_is_spoken_to_where_its_authority_is_named_and_nowhere_else(server: OpenBao):
    await asked(VAULT_ADDR=server.url, VAULT_CACERT=str(server.authority))
    for another in ({}, {"VAULT_CACERT": certifi.where()}):
        with pytest.raises(DeniedError, match="let VAULT_CACERT name the file of who signed it"):
            await asked(VAULT_ADDR=server.url, **another)


def test_each_worker_opens_the_vault_that_the_environment_names_as_it_says():
    files = [ROOT / "worker.py", *sorted((ROOT / "activities").rglob("*.py"))]
    opened = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in files
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in OPENED
    ]

    assert opened == [], "open it with Vault.of(settings), which knows VAULT_CACERT"
