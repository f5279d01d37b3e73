"""What can be said of a Vault before work is trusted to it: for start-up and ``doctor``.

1. Probing raises nothing and changes nothing; what cannot be found out is a fact that is not
   good. After the first that leaves nothing more to ask, no more is asked.
2. Health says that a server is there. It stays green while the audit log cannot be written and
   every call fails, so one call is made as the worker too.
3. A policy that differs from this release's is shown: somebody else governs here.
4. A token without an entity would outlive the disabling of its agent; that none can be minted
   is tried, not read from a policy.
5. That a Vault does not enforce approvals is a fact, and a good one: T3 and T4 then rest on
   Mandate's own verification alone, and that is said.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.errors import DeniedError, IntegrationError
from integrations.vault.client import Identity, Vault, data_of
from integrations.vault.gate_lock import trial
from integrations.vault.gate_lock.overlaps import overlaps
from integrations.vault.login import Login
from integrations.vault.policy_texts import policy_texts

POLICIES_MAX: Final = 1_000  # examined for ways around a gate
_SHOWN_MAX: Final = 5
_ROOT: Final = "root"  # has no text, and no agent's token carries it
# Every state answers 200; which one it is, the answer says.
_HEALTH = "/v1/sys/health?standbyok=true&sealedcode=200&uninitcode=200"
_NOBODY = "/v1/auth/token/create/gov-agent-nobody"
# As an issuer would ask, but for the agent.
_ORDER = {
    "policies": ["gov-t0"],
    "ttl": "1s",
    "no_default_policy": True,
    "renewable": False,
    "type": "service",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing found out; ``detail`` says what, and what to do if it is not good."""

    name: str
    good: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """What the server says of itself to anybody."""

    version: str
    initialised: bool
    sealed: bool
    standby: bool


async def health(vault: Vault) -> Health:
    """Ask the server for its state.

    Raises:
        UnavailableError: it does not answer.
        DeniedError: something else answers.
    """
    reply = await vault.run(vault.client().adapter.get, _HEALTH)
    if not isinstance(reply, dict) or "sealed" not in reply:
        raise DeniedError(f"what answers at {vault.url} is not a Vault: check the url")
    return Health(
        version=str(reply.get("version", "unknown")),
        initialised=bool(reply.get("initialized")),
        sealed=bool(reply["sealed"]),
        standby=bool(reply.get("standby")),
    )


async def probe(vault: Vault, login: Login) -> tuple[Fact, ...]:
    """Return the facts, as seen by a phase worker (1)."""
    facts = [await _server(vault)]
    if facts[-1].good:
        facts.append(await _worker(vault, login))  # (2)
    if facts[-1].good and len(facts) > 1:
        facts += [await _policies(vault, login), await _nobody(vault, login)]
    return tuple(facts)


async def _server(vault: Vault) -> Fact:
    try:
        state = await health(vault)
    except IntegrationError as error:
        return Fact("server", good=False, detail=f"{vault.url}: {error}")
    if not state.initialised:
        return Fact("server", good=False, detail=f"{vault.url} is not initialised: initialise it")
    if state.sealed:
        return Fact("server", good=False, detail=f"{vault.url} is sealed: unseal it")
    return Fact("server", good=True, detail=f"{vault.url}, version {state.version}")


async def _worker(vault: Vault, login: Login) -> Fact:
    def ask(client: hvac.Client) -> Any:
        return client.adapter.get("/v1/auth/token/lookup-self")

    try:
        itself = data_of(await vault.run_as(login, ask))
    except IntegrationError as error:
        return Fact("worker login", good=False, detail=f"queue {login.queue}: {error}")
    return Fact(
        "worker login",
        good=True,
        detail=f"queue {login.queue} as {', '.join(itself['policies'])}",
    )


async def _policies(vault: Vault, login: Login) -> Fact:
    def differing(client: hvac.Client) -> list[str]:
        return [name for name, text in policy_texts().items() if _policy(client, name) != text]

    try:
        different = await vault.run_as(login, differing)
    except IntegrationError as error:
        return Fact("policies", good=False, detail=f"they cannot be read: {error}")
    if different:  # (3)
        return Fact(
            "policies",
            good=False,
            detail=f"missing or not as in this release: {', '.join(different)}: install again",
        )
    return Fact("policies", good=True, detail=f"{len(policy_texts())} as in this release")


def _policy(client: hvac.Client, name: str) -> str | None:
    try:
        text: str = data_of(client.adapter.get(f"/v1/sys/policies/acl/{name}"))["policy"]
    except theirs.InvalidPath:
        return None
    return text


async def _nobody(vault: Vault, login: Login) -> Fact:
    """Try to mint without naming an agent; there is no such role either, so nothing is made."""

    def is_forbidden(client: hvac.Client) -> bool:
        try:
            client.adapter.post(_NOBODY, json=_ORDER)
        except theirs.Forbidden:
            return True
        except theirs.InvalidRequest:  # past the policy, and stopped by the missing role only
            return False
        return False

    try:
        forbidden = await vault.run_as(login, is_forbidden)
    except IntegrationError as error:
        return Fact("tokens without an agent", good=False, detail=str(error))
    if forbidden:  # (4)
        return Fact("tokens without an agent", good=True, detail="refused")
    return Fact(
        "tokens without an agent",
        good=False,
        detail=f"not refused to queue {login.queue}: install the policies again",
    )


async def gate_lock(vault: Vault, login: Identity) -> tuple[Fact, ...]:
    """Return what is to be known of Vault's own lock, as seen by queue ``mandate-t3`` (1)."""
    facts = [await _enforced(vault, login)]
    if facts[0].good:
        facts.append(await _ways_around(vault, login))
    return tuple(facts)


async def _enforced(vault: Vault, login: Identity) -> Fact:
    try:
        enforced = await trial.is_enforced(vault, login)
    except IntegrationError as error:
        return Fact("approvals", good=False, detail=f"{error}: install again")
    if enforced:
        return Fact("approvals", good=True, detail="they are enforced by Vault")
    return Fact(
        "approvals",
        good=True,  # (5)
        detail="not enforced by this Vault: T3 and T4 rest on Mandate's own verification alone",
    )


async def _ways_around(vault: Vault, login: Identity) -> Fact:
    try:
        texts, unread = await vault.run_as(login, _every_policy)
    except IntegrationError as error:
        return Fact("ways around a gate", good=False, detail=f"policies cannot be listed: {error}")
    found = overlaps(texts)
    if found:
        return Fact("ways around a gate", good=False, detail=_shortened(found))
    # Only those of this release are readable to a worker; the rest is for an auditor to read.
    unknown = f"; not readable to us: {_shortened(unread)}" if unread else ""
    detail = f"none in {len(texts)} policies{unknown}"
    return Fact("ways around a gate", good=True, detail=detail)


def _every_policy(client: hvac.Client) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the texts that can be read, by name, and the names of the others."""
    listed = data_of(client.adapter.list("/v1/sys/policies/acl"))["keys"]
    names = [name for name in listed if name != _ROOT]
    texts: dict[str, str] = {}
    for name in names[:POLICIES_MAX]:
        with suppress(theirs.Forbidden):
            texts[name] = _policy(client, name) or ""
    return texts, tuple(name for name in names if name not in texts)


def _shortened(words: tuple[str, ...]) -> str:
    more = f" and {len(words) - _SHOWN_MAX} more" if len(words) > _SHOWN_MAX else ""
    return f"{'; '.join(words[:_SHOWN_MAX])}{more}"
