"""A Vault that somebody has tampered with: nothing is minted in it, and why is said."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from dsl.core import Tier
from integrations.errors import DeniedError, UnavailableError
from integrations.vault import naming
from integrations.vault.checks.facts import Fact
from integrations.vault.checks.fitness import Examined, Fitness, examine
from integrations.vault.client import Vault
from integrations.vault.credentials.control_group_requests import ControlGroupRequests
from integrations.vault.credentials.issuer import TokenRoleIssuer
from integrations.vault.identity import tiers
from integrations.vault.identity.registry import Registrar
from integrations.vault.install import install
from integrations.vault.login.approle import Login
from integrations.vault.policies.texts import policy_texts
from mandate.doctor.vault import vault_server
from tests.fixtures.servers.openbao import OpenBao, govern
from tests.integration.vault.holders import executing, living_tokens, register

BUILDERS, EXECUTORS = "mandate", "mandate-t3"
WIDER_T1 = policy_texts()["gov-t1"] + '\npath "kv-build/data/*" { capabilities = ["read"] }\n'
UNGATED = re.sub(r"\n  control_group = \{.*?\n  \}", "", policy_texts()["gov-t3"], flags=re.DOTALL)
LEAK = 'path "kv-prod/data/*" { capabilities = ["read"] }'
_REQUIRED = re.compile(r"\n  required_parameters = \[[^\]]*\]")


class Place:
    """A private server and its brokers."""

    def __init__(self, server: OpenBao) -> None:
        self.server = server
        self.vault = Vault(server.url)
        self._logins = {
            queue: Login(self.vault, server.roles_dir, queue) for queue in (BUILDERS, EXECUTORS)
        }
        self.registrar = Registrar(self.vault, Login(self.vault, server.roles_dir, "mandate-trust"))

    def fitness(self, queue: str = BUILDERS) -> Fitness:
        return Fitness(self.vault, self._logins[queue])

    def examined(self, queue: str = BUILDERS) -> Examined:
        return Examined(self._logins[queue], self.fitness(queue))

    def write(self, name: str, text: str) -> None:
        self.server.as_root("POST", f"sys/policies/acl/{name}", policy=text)

    async def facts(self, queue: str) -> dict[str, Fact]:
        return {fact.name: fact for fact in await examine(self.vault, self._logins[queue])}

    async def doctor(self) -> list[str]:
        env = {"VAULT_ADDR": self.server.url, "MANDATE_VAULT_ROLES": str(self.server.roles_dir)}
        return ["\n".join(finding.lines()) for finding in await vault_server(env)]


@pytest_asyncio.fixture
async def place(private_openbao: Callable[..., OpenBao]) -> AsyncIterator[Place]:
    server = private_openbao()
    await govern(server)
    found = Place(server)
    yield found
    found.vault.close()


async def test_a_vault_as_this_release_installs_it_has_nothing_against_it(
    vault: Vault, openbao: OpenBao, broker: Login, broker_t3: Login
) -> None:
    builders, executors = await examine(vault, broker), await examine(vault, broker_t3)

    seen = ["server", "worker login", "policies", "tokens without an agent", "tiers"]
    assert [fact.name for fact in builders] == seen
    assert [fact.name for fact in executors] == [*seen, "approvals", "ways around a gate"]
    assert [fact for fact in (*builders, *executors) if not fact.good] == []
    assert builders[4].detail.startswith("T0, T1, T2 are granted what this release grants")
    assert executors[4].detail.startswith("T3, T4 are granted what this release grants")


async def test_canaries_hold_their_tier_leave_no_token_and_their_tokens_are_of_no_use(
    openbao: OpenBao, vault: Vault, broker: Login
) -> None:
    await examine(vault, broker)
    order = {"policies": ["gov-t0"], "entity_alias": naming.TIER_CANARIES[Tier.T0], "ttl": "60s"}
    role = naming.role_of(naming.TIER_CANARIES[Tier.T0], Tier.T0)
    token = openbao.as_root("POST", f"auth/token/create/{role}", **order)["auth"]

    for tier, name in naming.TIER_CANARIES.items():
        entity = openbao.as_root("GET", f"identity/entity/name/{name}")["data"]
        assert entity["metadata"] == tiers.zone_metadata(tier)
        assert living_tokens(openbao, entity["id"]) == [token["accessor"]] * (tier is Tier.T0)
    assert not await vault.is_alive(vault.client(token["client_token"]))


@dataclass(frozen=True)
class Tampering:
    """What somebody does as root, and which fact of which broker says so."""

    queue: str
    fact: str
    said: str
    policy: tuple[str, str] | None = None
    call: tuple[str, str, dict[str, Any]] | None = None


def loose(policy: str) -> tuple[str, str]:
    """Let a broker mint without what it must name."""
    text = _REQUIRED.sub("", policy_texts()[policy])
    assert text != policy_texts()[policy]
    return policy, text


def canary(tier: Tier) -> str:
    return f"identity/entity/name/{naming.TIER_CANARIES[tier]}"


RAISED = {"metadata": {"tier": "T1", "t1": "sandbox", "t2": "build", "t3": "prod"}}
TAMPERED = {
    "a tier's policy is widened": Tampering(
        BUILDERS,
        "tiers",
        "T1 is granted read on kv-build/data/ci, expected nothing",
        policy=("gov-t1", WIDER_T1),
    ),
    "a tier's policy is emptied": Tampering(
        BUILDERS,
        "tiers",
        "T2 is granted nothing on gov-transit/sign/artifact-build, expected update",
        policy=("gov-t2", 'path "x" {}'),
    ),
    "a policy is not this release's": Tampering(
        EXECUTORS,
        "policies",
        "missing or not as in this release: gov-ledger",
        policy=("gov-ledger", 'path "x" {}'),
    ),
    "a builder's token needs no agent": Tampering(
        BUILDERS,
        "tokens without an agent",
        "not refused to mandate: gov-agent-nobody",
        policy=loose("gov-broker"),
    ),
    "an executor's token needs no agent": Tampering(
        EXECUTORS,
        "tokens without an agent",
        "not refused to mandate-t3: gov3-agent-nobody; gov3-gate-agent-nobody",
        policy=loose("gov-broker-t3"),
    ),
    "a canary is raised": Tampering(
        BUILDERS,
        "tiers",
        "agent-0-tier-probe-t1 does not hold what an agent of T1 holds",
        call=("POST", canary(Tier.T1), RAISED),
    ),
    "a canary is lowered": Tampering(
        EXECUTORS,
        "tiers",
        "agent-0-tier-probe-t3 does not hold what an agent of T3 holds",
        call=("POST", canary(Tier.T3), {"metadata": {"tier": "T3"}}),
    ),
    "a canary is disabled": Tampering(
        BUILDERS,
        "tiers",
        "what each is granted cannot be tried",
        call=("POST", canary(Tier.T1), {"disabled": True}),
    ),
    "a canary is gone": Tampering(
        EXECUTORS,
        "tiers",
        "what each is granted cannot be tried",
        call=("DELETE", canary(Tier.T4), {}),
    ),
    "a group gives an agent a policy": Tampering(
        BUILDERS,
        "tiers",
        "vault minted something else for 'agent-0-tier-probe-t0'",
        call=("POST", "identity/group/name/leak", {"policies": ["gov-t3"]}),
    ),
    "approvals are taken out": Tampering(
        EXECUTORS, "policies", "not as in this release: gov-t3", policy=("gov-t3", UNGATED)
    ),
    "another policy grants what is gated": Tampering(
        EXECUTORS,
        "ways around a gate",
        "policy gov-a-leak grants read on kv-prod/data/*",
        policy=("gov-a-leak", LEAK),
    ),
}


def tamper(place: Place, what: Tampering) -> None:
    if what.policy is not None:
        place.write(*what.policy)
    if what.call is not None:
        method, path, body = what.call
        if path.startswith("identity/group"):
            name = naming.TIER_CANARIES[Tier.T0]
            entity = place.server.as_root("GET", f"identity/entity/name/{name}")["data"]["id"]
            body = {**body, "member_entity_ids": [entity]}
        place.server.as_root(method, path, **body)


@pytest.mark.parametrize("what", TAMPERED.values(), ids=TAMPERED.keys())
async def test_tampering_is_seen_refused_and_shown_with_its_fix(
    place: Place, what: Tampering
) -> None:
    await place.fitness(what.queue).require()  # it was good before
    tamper(place, what)

    fact = (await place.facts(what.queue))[what.fact]
    with pytest.raises(DeniedError, match=r"^nothing is minted in this vault, ") as refused:
        await place.fitness(what.queue).require()
    shown = await place.doctor()

    assert not fact.good
    assert what.said in fact.detail
    assert str(refused.value).count("install our governance again") == 1
    (line,) = (line for line in shown if what.said in line)
    assert line.startswith("FAIL  vault")
    assert "fix: install our governance again" in line


async def test_the_first_thing_that_is_wrong_is_named(place: Place) -> None:
    place.write("gov-t1", WIDER_T1)

    with pytest.raises(DeniedError) as refused:
        await place.fitness().require()

    assert str(refused.value) == (
        "nothing is minted in this vault, policies: missing or not as in this release: gov-t1: "
        "install our governance again"
    )


async def test_nothing_is_minted_until_it_was_put_right(place: Place) -> None:
    agent, entity = await register(place.registrar)
    issuer = TokenRoleIssuer(place.vault, place.examined())
    place.server.as_root("POST", canary(Tier.T1), **RAISED)

    with pytest.raises(DeniedError, match="tiers: agent-0-tier-probe-t1 does not"):
        async with executing(issuer, agent, entity):
            pass
    assert living_tokens(place.server, entity) == []

    await install(place.vault, place.server.installer_token, roles_dir=place.server.roles_dir)
    async with executing(issuer, agent, entity):
        assert len(living_tokens(place.server, entity)) == 1


async def test_nothing_is_asked_for_ahead_in_a_vault_that_has_not_passed(place: Place) -> None:
    agent, entity = await register(place.registrar)
    requests = ControlGroupRequests(place.vault, place.examined(EXECUTORS))
    place.write("gov-a-leak", LEAK)

    with pytest.raises(DeniedError, match="ways around a gate: policy gov-a-leak"):
        await requests.file("run", "act", agent, entity, (), 60)


async def test_a_vault_that_passed_is_not_examined_again(place: Place) -> None:
    examined = place.examined()
    await examined.client()
    place.server.stop()

    await examined.client()


@pytest.mark.parametrize("breaks", ["seal", "stop"])
async def test_a_vault_that_is_away_is_not_known_and_asked_again(place: Place, breaks: str) -> None:
    if breaks == "seal":
        place.server.as_root("PUT", "sys/seal")
    else:
        place.server.stop()

    with pytest.raises(UnavailableError, match="vault cannot be examined now: server: http"):
        await place.fitness().require()


async def test_doctor_shows_every_fact_of_both_brokers_and_every_login(place: Place) -> None:
    shown = await place.doctor()

    assert all(line.startswith("ok") for line in shown), shown
    for said in (
        "server: ",
        "policies: ",
        "tokens without an agent: ",
        "tiers: T0, T1, T2 are ",
        "tiers: T3, T4 are ",
        "approvals: ",
        "ways around a gate: ",
        *(f"worker login: {name} as {policy}" for name, policy in naming.IDENTITIES.items()),
    ):
        assert len([line for line in shown if said in line]) == 1, (said, shown)


async def test_doctor_names_an_identity_whose_role_file_is_gone(place: Place) -> None:
    (place.server.roles_dir / f"{naming.REVOKER}.json").unlink()

    (line,) = (line for line in await place.doctor() if line.startswith("FAIL"))

    assert "worker login: mandate-revoker: cannot read the role file" in line
    assert "fix: install our governance again" in line
