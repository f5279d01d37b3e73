"""A trial lends T3 once, marks it, and lends nothing on a Vault that is not ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from activities.contracts.specs import QUEUE_TRUST
from dsl.core import Tier
from integrations.ledger import scores
from integrations.ledger.verify import tail, verify
from integrations.trial import AGENT, lend
from integrations.vault.client import Vault
from integrations.vault.identity.registry import Registry
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login
from integrations.vault.naming import PROMOTER
from mandate.stack.errors import StackError
from mandate.stack.options import private_stack
from mandate.stack.up import Stack
from tests.fixtures.servers.openbao import OpenBao


@pytest_asyncio.fixture
async def vault(openbao: OpenBao) -> AsyncIterator[Vault]:
    made = Vault(openbao.url)
    yield made
    made.close()


async def test_it_is_lent_once_and_marked_until_the_tier_changes(
    openbao: OpenBao, vault: Vault, tmp_path: Path
):
    ledger = tmp_path / "ledger.db"
    await lend(openbao.url, openbao.roles_dir, ledger)
    await lend(openbao.url, openbao.roles_dir, ledger)
    registry = Registry(vault, Login(vault, openbao.roles_dir, QUEUE_TRUST))
    card = scores.cards(ledger)[AGENT]

    assert [entry.action for entry in tail(ledger, 10)] == [
        "agent.registered",
        "trust.trial",
        "agent.promoted",
    ]
    assert (card.tier, card.trial, card.entity) == (
        Tier.T3,
        True,
        (await registry.read(AGENT)).entity_id,
    )
    assert (await registry.read(AGENT)).tier is Tier.T3
    assert verify(ledger).problems == ()

    changes = TierChanges(vault, Login(vault, openbao.roles_dir, PROMOTER))
    await changes.demote(AGENT, "a violation")
    await lend(openbao.url, openbao.roles_dir, ledger)  # by starting again

    assert (await registry.read(AGENT)).tier is Tier.T2


async def test_nothing_is_lent_on_a_vault_of_the_callers(
    openbao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VAULT_ADDR", openbao.url)
    monkeypatch.setenv("MANDATE_VAULT_ROLES", str(openbao.roles_dir))
    options = private_stack(tmp_path / "data", trial=True)
    foreign = type(options)(
        data_dir=options.data_dir,
        temporal_port=0,
        ui_port=0,
        dragonfly_port=0,
        trial=True,
        workers=(),
    )

    with pytest.raises(StackError, match="in a Vault of our own only"):
        async with Stack(foreign):
            pass
