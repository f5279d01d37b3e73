"""What each tier may do, asked of a real OpenBao twice: by its own account, and by trying."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import pytest

from dsl.core import AgentPhase, Tier
from integrations.vault.checks import matrix
from integrations.vault.checks.matrix import OTHER, OWN
from integrations.vault.identity.registry import Registrar
from integrations.vault.identity.tiers import policies_for, zone_metadata
from tests.fixtures.servers.openbao import OpenBao
from tests.integration.vault.holders import Holder, holder_at, register

OK, GATED, REFUSED = "ok", "gated", "refused"
TEXT = {"policy": 'path "x" {}'}
SIGN = {"input": "aGVsbG8="}

# Real calls: method, path, body, and what becomes of it for T0 … T4.
CALLS: Final[tuple[tuple[str, str, dict[str, Any], tuple[str, ...]], ...]] = (
    ("GET", "kv-shared/data/docs/a", {}, (OK, OK, OK, OK, OK)),
    ("POST", "kv-shared/data/docs/a", {"data": {"v": "x"}}, (REFUSED,) * 5),
    ("POST", f"kv-agents/data/{OWN}/x", {"data": {"v": "x"}}, (OK,) * 5),
    ("GET", f"kv-agents/data/{OTHER}/x", {}, (REFUSED,) * 5),
    ("GET", "kv-sandbox/data/x", {}, (REFUSED, OK, OK, OK, REFUSED)),
    ("POST", "kv-sandbox/data/mine", {"data": {"v": "x"}}, (REFUSED, OK, OK, OK, REFUSED)),
    ("GET", "kv-build/data/ci", {}, (REFUSED, REFUSED, OK, OK, REFUSED)),
    ("POST", "kv-build/data/ci", {"data": {"v": "x"}}, (REFUSED,) * 5),
    ("POST", "gov-transit/sign/artifact-build", SIGN, (REFUSED, REFUSED, OK, OK, REFUSED)),
    ("POST", "gov-transit/sign/ledger-head", SIGN, (REFUSED,) * 5),
    ("GET", "kv-prod/data/svc/db", {}, (REFUSED, REFUSED, REFUSED, GATED, REFUSED)),
    ("POST", "kv-prod/data/svc/db", {"data": {"v": "x"}}, (REFUSED,) * 5),
    ("GET", "sys/policies/acl/gov-t0", {}, (REFUSED,) * 4 + (OK,)),
    ("POST", "sys/policies/acl/gov-t0", TEXT, (REFUSED,) * 4 + (GATED,)),
    ("POST", "sys/policies/acl/gov-new", TEXT, (REFUSED,) * 4 + (GATED,)),
    ("POST", "sys/policies/acl/gov-t4", TEXT, (REFUSED,) * 5),
    ("POST", "sys/policies/acl/gov-approver", TEXT, (REFUSED,) * 5),
    ("POST", "sys/policies/acl/gov-broker", TEXT, (REFUSED,) * 5),
    ("POST", "sys/policies/acl/gov-installer", TEXT, (REFUSED,) * 5),
)


@pytest.fixture(scope="module", autouse=True)
def zones_filled(openbao: OpenBao) -> None:
    for place in ("kv-shared/docs/a", "kv-sandbox/x", "kv-build/ci", "kv-prod/svc/db"):
        openbao.put_secret(place, v=place)


@pytest.mark.parametrize("tier", Tier)
async def test_a_tier_is_granted_what_the_matrix_says(
    openbao: OpenBao, registrar: Registrar, tier: Tier
) -> None:
    holder = await holder_at(openbao, registrar, tier)
    _, other_entity = await register(registrar, Tier.T0)
    real = matrix.paths(own=holder.entity_id, other=other_entity)

    granted = openbao.as_root(
        "POST", "sys/capabilities", token=holder.token, paths=list(real.values())
    )

    assert matrix.compare(tier, {row: granted[path] for row, path in real.items()}) == []


@pytest.mark.parametrize("tier", Tier)
async def test_real_calls_agree_with_the_matrix(
    openbao: OpenBao, registrar: Registrar, tier: Tier
) -> None:
    holder = await holder_at(openbao, registrar, tier)
    _, other_entity = await register(registrar, Tier.T0)

    became = [
        (method, path, _try(openbao, holder.token, method, _real(path, holder, other_entity), body))
        for method, path, body, _ in CALLS
    ]

    assert became == [(method, path, expected[tier]) for method, path, _, expected in CALLS]


def test_what_vault_does_not_say_or_nobody_knows_is_never_as_expected() -> None:
    nothing = {row: ["deny"] for row in matrix.MATRIX}
    silent = {row: rights for row, rights in nothing.items() if row != "sys/seal"}

    assert "T0 is granted something unknown on sys/seal, expected nothing" in matrix.compare(
        Tier.T0, silent
    )
    assert "T0 is granted something unknown on sys/seal, expected nothing" in matrix.compare(
        Tier.T0, {**nothing, "sys/seal": ["fly"]}
    )


def test_no_tier_grants_more_than_the_next_but_for_the_architect() -> None:
    executing = [set(policies_for(AgentPhase.EXECUTE, tier)) for tier in Tier if tier < Tier.T4]

    assert all(lower < higher for lower, higher in pairwise(executing))
    assert policies_for(AgentPhase.EXECUTE, Tier.T4) == ("gov-t0", "gov-t4")


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("phase", AgentPhase)
def test_only_execute_and_package_get_more_than_an_observer(phase: AgentPhase, tier: Tier) -> None:
    if phase in (AgentPhase.EXIT, AgentPhase.REVOKED):
        with pytest.raises(ValueError, match="gets no credential"):
            policies_for(phase, tier)
    elif phase not in (AgentPhase.EXECUTE, AgentPhase.PACKAGE):
        assert policies_for(phase, tier) == ("gov-t0",)


def test_each_tier_adds_one_zone_and_the_architect_holds_none() -> None:
    assert zone_metadata(Tier.T0) == {"tier": "T0"}
    assert zone_metadata(Tier.T3) == {"tier": "T3", "t1": "sandbox", "t2": "build", "t3": "prod"}
    assert zone_metadata(Tier.T4) == {"tier": "T4"}


def _real(path: str, holder: Holder, other_entity: str) -> str:
    return path.replace(OWN, holder.entity_id).replace(OTHER, other_entity)


def _try(server: OpenBao, token: str, method: str, path: str, body: dict[str, Any]) -> str:
    reply = server.raw(token, method, path, **body)
    if reply.status_code == 403:
        return REFUSED
    assert reply.ok, f"{method} {path}: {reply.status_code} {reply.text}"
    return GATED if reply.content and reply.json().get("wrap_info") else OK
