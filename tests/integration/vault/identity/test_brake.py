"""Stopped is stopped: seen at tokens that were held, hammered with, and being minted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from dsl.core import Tier
from integrations.errors import DeniedError, NotFoundError, RevokedError
from integrations.vault import naming
from integrations.vault.client import Vault
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity.brake import Brake
from integrations.vault.identity.registry import Registrar, Registry
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import (
    executing,
    is_alive,
    living_tokens,
    mint_order,
    new_agent,
    register,
)

THREADS = 8
WARM = 5  # successes of each thread before anything is stopped


def mint(server: OpenBao, agent: str, role: str = "gov") -> str:
    policy = "gov-t0" if role == "gov" else "gov-t3"
    order = mint_order(agent, policy)
    auth = server.as_root("POST", f"auth/token/create/{role}-agent-{agent}", **order)["auth"]
    return str(auth["client_token"])


class Hammer:
    """Threads that do something over and over until they are told to stop."""

    def __init__(self, jobs: list[Callable[[requests.Session], bool]]) -> None:
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(len(jobs))
        self.done: list[list[tuple[float, bool]]] = [[] for _ in jobs]  # started, succeeded
        self._threads: list[Future[None]] = [
            self._pool.submit(self._run, job, done)
            for job, done in zip(jobs, self.done, strict=True)
        ]

    def warm(self) -> None:
        deadline = time.monotonic() + 20
        while min(map(len, self.done)) < WARM:
            assert time.monotonic() < deadline, "the threads do not get to work"
            time.sleep(0.002)

    def more(self) -> None:
        """Wait until each thread has begun, and ended, something new."""
        seen = [len(done) for done in self.done]
        deadline = time.monotonic() + 20
        while any(len(done) < before + 3 for done, before in zip(self.done, seen, strict=True)):
            assert time.monotonic() < deadline, "the threads have stopped"
            time.sleep(0.002)

    def stop(self) -> None:
        self._over.set()
        self._pool.shutdown()
        for thread in self._threads:
            thread.result()

    def _run(self, job: Callable[[requests.Session], bool], done: list[tuple[float, bool]]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._over.is_set():
                started = time.monotonic()
                done.append((started, job(session)))


@contextmanager
def hammering(jobs: list[Callable[[requests.Session], bool]]) -> Iterator[Hammer]:
    hammer = Hammer(jobs)
    try:
        hammer.warm()
        yield hammer
    finally:
        hammer.stop()


def reading(server: OpenBao, token: str, place: str) -> Callable[[requests.Session], bool]:
    def job(session: requests.Session) -> bool:
        url, headers = f"{server.url}/v1/{place}", {"X-Vault-Token": token}
        return session.get(url, headers=headers, timeout=10).ok

    return job


async def test_no_request_that_starts_after_disabling_succeeds(
    openbao: OpenBao, registrar: Registrar, brake: Brake
) -> None:
    openbao.put_secret("kv-shared/docs/hammered", v="x")
    agent, _ = await register(registrar)
    place = "kv-shared/data/docs/hammered"
    jobs = [reading(openbao, mint(openbao, agent), place) for _ in range(THREADS)]

    with hammering(jobs) as hammer:
        await brake.disable(agent)
        stopped = time.monotonic()
        hammer.more()

    tries = [each for done in hammer.done for each in done]
    assert all(any(succeeded for _, succeeded in done) for done in hammer.done)
    assert [each for each in tries if each[1] and each[0] >= stopped] == []
    assert len([each for each in tries if each[0] >= stopped]) >= THREADS
    assert await brake.is_disabled(agent)


async def test_minting_while_an_agent_is_stopped_leaves_no_token(
    openbao: OpenBao, registrar: Registrar, brake: Brake
) -> None:
    agent, entity_id = await register(registrar)
    url = f"{openbao.url}/v1/auth/token/create/gov-agent-{agent}"
    minted: list[str] = []

    def minting(session: requests.Session) -> bool:
        headers, order = {"X-Vault-Token": openbao.root_token}, mint_order(agent, "gov-t0")
        reply = session.post(url, headers=headers, json=order, timeout=10)
        if reply.ok:
            minted.append(reply.json()["auth"]["client_token"])
        return reply.ok

    with hammering([minting] * 4) as hammer:
        await brake.disable(agent)
        stopped = time.monotonic()
        await brake.end_tokens(agent)
        hammer.more()
    await brake.end_tokens(agent)  # as whoever confirms does, for a mint that was under way

    assert len(minted) >= 4 * WARM
    assert not [each for done in hammer.done for each in done if each[1] and each[0] >= stopped]
    statuses = {openbao.raw(t, "GET", "auth/token/lookup-self").status_code for t in minted}
    assert statuses == {403}
    assert await brake.tokens_left(agent) == 0
    assert living_tokens(openbao, entity_id) == []


async def test_what_was_held_is_counted_until_it_ended(
    openbao: OpenBao, vault: Vault, registrar: Registrar, brake: Brake
) -> None:
    agent, _ = await register(registrar)
    roles = ("gov", "gov", "gov3", "gov3-gate")
    left = [await brake.tokens_left(agent)]
    tokens = [mint(openbao, agent, role) for role in roles]
    left.append(await brake.tokens_left(agent))
    openbao.as_root("POST", "auth/token/revoke", token=tokens[0])
    left.append(await brake.tokens_left(agent))

    await brake.end_tokens(agent)

    left.append(await brake.tokens_left(agent))
    assert left == [0, 4, 3, 0]
    assert [await is_alive(vault, token) for token in tokens] == [False] * 4


async def test_an_agent_whose_name_begins_like_anothers_is_left_alone(
    openbao: OpenBao, vault: Vault, registrar: Registrar, brake: Brake
) -> None:
    agent, _ = await register(registrar)
    others = (f"{agent}2", f"{agent}-b", f"{agent}.c")
    for other in others:
        await registrar.register(other, initial_tier=Tier.T2, binding={})
    tokens = [mint(openbao, other) for other in others]
    mint(openbao, agent)

    await brake.disable(agent)
    await brake.end_tokens(agent)

    assert await brake.tokens_left(agent) == 0
    assert [await brake.tokens_left(other) for other in others] == [1, 1, 1]
    assert [await brake.is_disabled(other) for other in others] == [False] * 3
    assert [await is_alive(vault, token) for token in tokens] == [True] * 3


async def test_stopping_twice_is_harmless_and_keeps_what_the_agent_is(
    registrar: Registrar, registry: Registry, brake: Brake
) -> None:
    agent, _ = await register(registrar)
    before = await registry.read(agent)
    for _ in range(2):
        await brake.disable(agent)
        await brake.end_tokens(agent)

    after = await registry.read(agent)

    assert (before.disabled, after.disabled) == (False, True)
    assert (after.tier, after.binding) == (before.tier, before.binding)


async def test_a_stopped_agent_gets_no_credential(
    registrar: Registrar, issuer: TokenRoleIssuer, brake: Brake
) -> None:
    agent, entity_id = await register(registrar)
    await brake.disable(agent)

    with pytest.raises(RevokedError):
        async with executing(issuer, agent, entity_id):
            pass


async def test_an_entity_that_somebody_else_made_is_stopped_all_the_same(
    openbao: OpenBao, brake: Brake
) -> None:
    agent = new_agent()
    openbao.as_root("POST", f"identity/entity/name/agent-{agent}", metadata={})

    await brake.disable(agent)

    assert await brake.is_disabled(agent)


async def test_an_unknown_agent_is_not_found_and_not_made(openbao: OpenBao, brake: Brake) -> None:
    agent = new_agent()

    for ask in (brake.disable, brake.is_disabled):
        with pytest.raises(NotFoundError, match="is not registered"):
            await ask(agent)
    await brake.end_tokens(agent)

    assert await brake.tokens_left(agent) == 0
    path = f"identity/entity/name/agent-{agent}"
    assert openbao.raw(openbao.root_token, "GET", path).status_code == 404


@pytest.mark.parametrize("agent", ["", "a/b", "a*", "a+b", "a..b", "{{x}}", "../../sys/mounts"])
async def test_ids_that_vault_cannot_hold_are_refused(brake: Brake, agent: str) -> None:
    for ask in (brake.disable, brake.is_disabled, brake.end_tokens, brake.tokens_left):
        with pytest.raises(DeniedError, match="cannot be an identity"):
            await ask(agent)


def test_every_role_that_mints_for_an_agent_is_ended() -> None:
    roles = {naming.token_role("x", tier) for tier in Tier} | {naming.gate_role("agent-x")}

    assert set(naming.token_roles("x")) == roles
