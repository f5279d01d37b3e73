"""What can be said of a Vault before work is trusted to it, as one of its brokers sees it.

1. Probing raises nothing and changes nothing; what cannot be found out is a fact that is not
   good. After the first that leaves nothing more to ask, no more is asked.
2. Health says that a server is there. It stays green while the audit log cannot be written and
   every call fails, so one call is made as the worker too.
3. A policy that differs from this release's is shown: somebody else governs here.
4. A token without an entity would outlive the disabling of its agent; that none can be minted
   is tried, not read from a policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.errors import DeniedError, IntegrationError
from integrations.vault import naming
from integrations.vault.checks.facts import INSTALL, Fact, bad, good, not_found_out, shortened
from integrations.vault.client import Vault, data_of
from integrations.vault.login.approle import Login
from integrations.vault.policies.texts import policy_texts

_LOGIN: Final = "worker login"
_NOBODY: Final = "tokens without an agent"
# Every state answers 200; which one it is, the answer says.
_HEALTH = "/v1/sys/health?standbyok=true&sealedcode=200&uninitcode=200"
# What each broker may mint from, and for which policies; there is no such agent.
_ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "mandate": {"gov-agent-nobody": "gov-t0"},
    "mandate-t3": {
        "gov3-agent-nobody": "gov-t0",
        "gov3-gate-agent-nobody": naming.EXECUTOR_POLICY,
    },
}
# As an issuer would ask, but for the agent.
_ORDER: Final = {"ttl": "1s", "no_default_policy": True, "renewable": False, "type": "service"}


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
    """Return the facts, as seen by the broker of ``login`` (1)."""
    facts = [await _server(vault)]
    if facts[-1].good:
        facts.append(await worker(vault, login))  # (2) health alone stays green
    if facts[-1].good and len(facts) > 1:
        facts += [await _policies(vault, login), await _nobody(vault, login)]
    return tuple(facts)


async def worker(vault: Vault, login: Login) -> Fact:
    """Say who the login is to Vault."""

    def ask(client: hvac.Client) -> Any:
        return client.adapter.get("/v1/auth/token/lookup-self")

    try:
        itself = data_of(await vault.run_as(login, ask))
    except IntegrationError as error:
        return not_found_out(_LOGIN, error, login.queue, INSTALL)
    return good(_LOGIN, f"{login.queue} as {', '.join(itself['policies'])}")


async def _server(vault: Vault) -> Fact:
    try:
        state = await health(vault)
    except IntegrationError as error:
        return not_found_out("server", error, vault.url)
    if state.initialised and not state.sealed:
        return good("server", f"{vault.url}, version {state.version}")
    what, fix = (
        ("sealed", "unseal it") if state.initialised else ("not initialised", "initialise it")
    )
    return Fact("server", good=False, detail=f"{vault.url} is {what}", fix=fix, away=True)


async def _policies(vault: Vault, login: Login) -> Fact:
    def differing(client: hvac.Client) -> list[str]:
        return [name for name, text in policy_texts().items() if _policy(client, name) != text]

    try:
        different = await vault.run_as(login, differing)
    except IntegrationError as error:
        return not_found_out("policies", error, "they cannot be read", INSTALL)
    if different:  # (3) somebody else governs here
        names = shortened(tuple(different), ", ")
        return bad("policies", f"missing or not as in this release: {names}", INSTALL)
    return good("policies", f"{len(policy_texts())} as in this release")


def _policy(client: hvac.Client, name: str) -> str | None:
    try:
        text: str = data_of(client.adapter.get(f"/v1/sys/policies/acl/{name}"))["policy"]
    except theirs.InvalidPath:
        return None
    return text


async def _nobody(vault: Vault, login: Login) -> Fact:
    """Try to mint without naming an agent; there is no such role either, so nothing is made."""
    roles = _ROLES[login.queue]

    def allowed(client: hvac.Client) -> tuple[str, ...]:
        return tuple(role for role, policy in roles.items() if _gets_past(client, role, policy))

    try:
        found = await vault.run_as(login, allowed)
    except IntegrationError as error:
        return not_found_out(_NOBODY, error)
    if found:  # (4) tried, not read from a policy
        return bad(_NOBODY, f"not refused to {login.queue}: {shortened(found)}", INSTALL)
    return good(_NOBODY, "refused")


def _gets_past(client: hvac.Client, role: str, policy: str) -> bool:
    """Tell whether the login's policy lets an order without an agent through."""
    order = {**_ORDER, "policies": [policy]}
    try:
        client.adapter.post(f"/v1/auth/token/create/{role}", json=order)
    except theirs.Forbidden:
        return False
    except theirs.InvalidRequest:  # past the policy, and stopped by the missing role only
        return True
    return True
