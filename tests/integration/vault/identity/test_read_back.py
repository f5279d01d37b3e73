"""What was written is read back: somebody else's write that comes in between is no success."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from dsl.core import Tier
from integrations.errors import CorruptError
from integrations.vault.identity import tiers
from integrations.vault.identity.brake import Brake
from integrations.vault.identity.registry import Registrar
from integrations.vault.identity.tier_changes import TierChanges
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import register


def place(entity: str) -> str:
    return f"identity/entity/id/{entity}"


async def meddle(monkeypatch: pytest.MonkeyPatch, login: Login, after: Callable[[], Any]) -> None:
    """Have ``after`` happen at once when the login has written an entity."""
    adapter = (await login.client()).adapter
    post = adapter.post

    def posted(path: str, **order: Any) -> Any:
        reply = post(path, **order)
        if "/identity/entity/name/" in path:
            after()
        return reply

    monkeypatch.setattr(adapter, "post", posted)


async def test_a_tier_that_somebody_else_writes_meanwhile_is_not_told_as_ours(
    openbao: OpenBao,
    registrar: Registrar,
    changes: TierChanges,
    promoter: Login,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, entity = await register(registrar, Tier.T0)
    theirs = {"metadata": tiers.zone_metadata(Tier.T3)}
    await meddle(monkeypatch, promoter, partial(openbao.as_root, "POST", place(entity), **theirs))

    with pytest.raises(CorruptError, match="somebody else changes it"):
        await changes.promote(agent, entity, Tier.T0, Tier.T1, 1)
    with pytest.raises(CorruptError, match="somebody else changes it"):
        await changes.demote(agent, "a violation")


async def test_an_agent_that_somebody_else_enables_meanwhile_is_not_told_as_stopped(
    openbao: OpenBao,
    registrar: Registrar,
    brake: Brake,
    revoker: Login,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent, entity = await register(registrar, Tier.T2)
    held = {"metadata": tiers.zone_metadata(Tier.T2), "disabled": False}
    await meddle(monkeypatch, revoker, partial(openbao.as_root, "POST", place(entity), **held))

    with pytest.raises(CorruptError, match="was disabled and is not"):
        await brake.disable(agent)
