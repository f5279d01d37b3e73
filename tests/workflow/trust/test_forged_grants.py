"""Requests to the trust worker that no run of ours made: without the ledger's word it does nothing.

An impostor sends them, from a workflow of his own. His baseline is a grant that the ledger's
worker has really signed, which is applied. Each test bends one thing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from activities.contracts.trust_specs import promote
from dsl.core import Tier
from dsl.rules.trust.grant import encode
from tests.fixtures.engine import Engine
from tests.fixtures.servers.openbao import OpenBao
from tests.fixtures.trust.granting import Forger, forging, promotion, sealed, signature_of
from tests.fixtures.voting import signer
from tests.integration.vault.holders import holder_at, register, set_tier


@pytest_asyncio.fixture(scope="module")
async def forger(running_engine: Engine, openbao: OpenBao) -> AsyncIterator[Forger]:
    async with forging(running_engine, openbao) as made:
        yield made


async def test_what_the_ledger_has_granted_is_applied_and_again_changes_nothing(forger: Forger):
    agent, entity = await register(forger.registrar, Tier.T1)
    word = await sealed(forger.server, promotion(agent, entity, Tier.T1))

    assert await forger.send(promote.name, word) == {
        "agent": agent,
        "was": 1,
        "now": 2,
        "changed": True,
    }
    assert (await forger.send(promote.name, word))["changed"] is False
    assert await forger.tier(agent) is Tier.T2


async def test_tokens_that_are_held_open_more_at_once(forger: Forger):
    holder = await holder_at(forger.server, forger.registrar, Tier.T2)
    set_tier(forger.server, holder.entity_id, Tier.T1)
    forger.server.put_secret("kv-build/of-grants", a="1")
    before = forger.server.raw(holder.token, "GET", "kv-build/data/of-grants")
    word = await sealed(forger.server, promotion(holder.agent, holder.entity_id, Tier.T1))
    await forger.send(promote.name, word)
    after = forger.server.raw(holder.token, "GET", "kv-build/data/of-grants")

    assert (before.status_code, after.status_code) == (403, 200)


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "two tiers at once": ({"now": Tier.T3}, "one tier at a time"),
    "no step": ({"now": Tier.T1}, "one tier at a time"),
    "expired": ({"expires": int(time.time()) - 60}, "the grant expired"),
    "good for ever": ({"expires": 2_000_000_000}, "good for more than 600 s"),
    "of tomorrow": (
        {"granted": int(time.time() + 86_400) * 1000, "expires": int(time.time()) + 86_400},
        "given in the future",
    ),
    "an epoch": ({"epoch": 1}, "names an epoch"),
    "from another tier": ({"was": Tier.T2, "now": Tier.T3}, "it holds T1"),
    "another entity": ({"entity": str(uuid.UUID(int=1))}, "is for entity"),
    "an agent unknown": ({"agent": f"a-{uuid.uuid4().hex}"}, "is not registered"),
}


@pytest.mark.parametrize("case", BENT)
async def test_even_a_signed_grant_does_what_grants_do_and_no_more(forger: Forger, case: str):
    fields, said = BENT[case]
    agent, entity = await register(forger.registrar, Tier.T1)
    word = await sealed(forger.server, promotion(agent, entity, Tier.T1, **fields))
    answer = await forger.send(promote.name, word)

    assert answer["type"] in ("DeniedError", "NotFoundError")
    assert said in answer["message"]
    assert await forger.tier(agent) is Tier.T1


async def test_a_grant_that_nobody_has_signed_is_none(forger: Forger, people: Any):
    agent, entity = await register(forger.registrar, Tier.T1)
    grant = promotion(agent, entity, Tier.T1)
    ann = await signer(people, "ann")
    of_a_person = await ann.person.sign(grant.message())
    for signature in ("vault:v1:" + "A" * 86 + "==", "vault:v1:x", of_a_person):
        answer = await forger.send(promote.name, encode(grant, signature))
        assert answer == {
            "type": "DeniedError",
            "message": "the grant is not signed with the ledger's key",
        }
    for word in ("", "x", "A" * 10_000):
        assert (await forger.send(promote.name, word))["type"] == "DeniedError"

    assert await forger.tier(agent) is Tier.T1


async def test_the_signature_of_one_grant_carries_no_other(forger: Forger):
    agent, entity = await register(forger.registrar, Tier.T1)
    other, its_entity = await register(forger.registrar, Tier.T1)
    grant = promotion(agent, entity, Tier.T1)
    signature = signature_of(await sealed(forger.server, grant))
    for bent in (
        replace(grant, agent=other, entity=its_entity),
        replace(grant, entry=99),
        replace(grant, expires=grant.expires - 1),
    ):
        answer = await forger.send(promote.name, encode(bent, signature))
        assert answer["message"] == "the grant is not signed with the ledger's key"

    assert {await forger.tier(each) for each in (agent, other)} == {Tier.T1}


async def test_a_grant_raises_nobody_twice_whatever_happened_in_between(forger: Forger):
    agent, entity = await register(forger.registrar, Tier.T1)
    word = await sealed(forger.server, promotion(agent, entity, Tier.T1, entry=5))
    await forger.send(promote.name, word)
    lower(forger.server, entity, Tier.T1)
    answer = await forger.send(promote.name, word)
    older = await sealed(forger.server, promotion(agent, entity, Tier.T1, entry=4))
    earlier = await forger.send(promote.name, older)

    assert "is used up" in answer["message"]
    assert "is used up" in earlier["message"]
    assert await forger.tier(agent) is Tier.T1


def lower(server: OpenBao, entity: str, tier: Tier) -> None:
    """Take the tier down as a demotion does: the place of the last grant stays."""
    place = f"identity/entity/id/{entity}"
    metadata = server.as_root("GET", place)["data"]["metadata"]
    server.as_root("POST", place, metadata={**metadata, "tier": tier.name})


async def test_a_revoked_agent_is_not_raised(forger: Forger):
    agent, entity = await register(forger.registrar, Tier.T1)
    await forger.brake.disable(agent)
    word = await sealed(forger.server, promotion(agent, entity, Tier.T1))

    assert (await forger.send(promote.name, word))["type"] == "RevokedError"
    assert await forger.tier(agent) is Tier.T1
