"""Every credential is ended: after an outage, and after the death of the worker that minted it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dsl.core import Tier
from integrations.errors import UnavailableError
from integrations.under_way import UnderWay
from integrations.vault.client import Vault
from integrations.vault.credentials import ending
from integrations.vault.credentials.ending import (
    AGAIN_MAX_S,
    AGAIN_S,
    AT_ONCE,
    SOON,
    CredentialEnds,
    waits,
)
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.registry import Registrar
from integrations.vault.login.approle import Login
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.integration.vault.holders import BINDING, executing, living_tokens, new_agent

LONG_S = 60.0


@dataclass
class Place:
    """A private server, and one worker's identity there."""

    server: OpenBao
    vault: Vault
    broker: Login
    folder: Path
    entity: str = ""
    agent: str = ""

    def ends(self) -> CredentialEnds:
        return CredentialEnds(
            self.vault, self.broker, UnderWay("credentials", "vault mandate", self.folder)
        )

    @property
    def alive(self) -> list[str]:
        return living_tokens(self.server, self.entity)

    def worker_dies(self) -> None:
        """Let what was noted be of a process that is gone."""
        [file] = (self.folder / f"mandate-credentials-{os.getuid()}").iterdir()
        scope, _, _ = file.name.split("-", 2)
        file.rename(file.with_name(f"{scope}-{os.getpid()}-1"))


@pytest_asyncio.fixture
async def place(private_openbao: Callable[..., OpenBao], tmp_path: Path) -> AsyncIterator[Place]:
    server = private_openbao(on_disk=True)
    await govern(server)
    vault = Vault(server.url)
    found = Place(server, vault, Login(vault, server.roles_dir, "mandate"), tmp_path)
    registrar = Registrar(vault, Login(vault, server.roles_dir, "mandate-trust"))
    found.agent = new_agent()
    made = await registrar.register(found.agent, initial_tier=Tier.T2, binding=BINDING)
    found.entity = made.entity_id
    yield found
    vault.close()


async def test_what_cannot_be_ended_in_an_outage_is_ended_after_it(place: Place) -> None:
    ends = place.ends()
    issuer = TokenRoleIssuer(place.vault, place.broker, ends)

    async with executing(issuer, place.agent, place.entity) as credential:
        place.server.stop()
    assert await ends.left_of("", 0.0) == (credential.accessor,)

    place.server.start()
    assert await ends.left_of("", LONG_S) == ()
    assert place.alive == []
    await ends.aclose()
    assert list((place.folder / f"mandate-credentials-{os.getuid()}").iterdir()) == []


async def test_what_a_dead_worker_held_is_ended_by_its_successor(place: Place) -> None:
    died = TokenRoleIssuer(place.vault, place.broker, place.ends())
    held = executing(died, place.agent, place.entity)
    credential = await held.__aenter__()
    place.worker_dies()
    assert credential.accessor in place.alive

    await place.ends().end_left()

    assert place.alive == []


async def test_a_successor_that_dies_in_an_outage_leaves_it_to_the_next(place: Place) -> None:
    died = TokenRoleIssuer(place.vault, place.broker, place.ends())
    await executing(died, place.agent, place.entity).__aenter__()
    place.worker_dies()
    place.server.stop()
    second = place.ends()
    await second.end_left()  # Vault is away
    await second.aclose()
    place.worker_dies()
    place.server.start()

    await place.ends().end_left()

    assert place.alive == []


async def test_who_leaves_a_run_waits_for_what_is_of_that_run_alone(place: Place) -> None:
    ends = place.ends()
    ends.keep("one", "run-1")
    ends.keep("two", "run-2")
    waiting = asyncio.create_task(ends.left_of("run-1", LONG_S))
    await ends.end("one")  # nobody knows it: it has ended

    assert await waiting == ()
    assert await ends.left_of("run-2", 0.0) == ("two",)
    await ends.end("two")
    await ends.aclose()


class AwayVault:
    """Is away, and counts who asks it at a time."""

    def __init__(self) -> None:
        self.asking = self.most = self.asked = 0

    async def run_as(self, *_: Any) -> None:
        self.asked += 1
        self.asking += 1
        self.most = max(self.most, self.asking)
        try:
            await asyncio.sleep(0.01)
        finally:
            self.asking -= 1
        raise UnavailableError("it is away")


async def test_many_that_cannot_be_ended_are_tried_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.0)
    vault: Any = AwayVault()
    ends = CredentialEnds(vault, vault)
    for number in range(4 * AT_ONCE):
        ends.keep(f"a-{number}")
        ends._go_on(f"a-{number}")
    async with asyncio.timeout(LONG_S):
        while vault.asked < 8 * AT_ONCE:  # noqa: ASYNC110  # until each was tried about twice
            await asyncio.sleep(0.01)
    await ends.aclose()

    assert vault.most == AT_ONCE


def test_it_is_tried_again_soon_at_first_and_then_ever_more_seldom() -> None:
    found = list(islice(waits(), SOON + 8))

    assert found[:SOON] == [AGAIN_S] * SOON
    assert found[SOON:] == [1.0, 2.0, 4.0, 8.0, *[AGAIN_MAX_S] * 4]
