"""Is Vault there, open, governed by this release, and does it know our workers?

What workers find out before they mint, in full. Asked as the workers themselves, with the role
files they use; every login is ended again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

from activities.contracts.specs import QUEUE, QUEUE_LEDGER, QUEUE_T3
from integrations.settings import vault_trust
from integrations.vault import naming
from integrations.vault.checks.facts import Fact
from integrations.vault.checks.fitness import examine
from integrations.vault.checks.probe import worker
from integrations.vault.client import Vault
from integrations.vault.login.approle import Login
from mandate.doctor.finding import Finding, bad

_FIX = "run `mandate up`, or let VAULT_ADDR and MANDATE_VAULT_ROLES name a running server"


async def vault_server(env: Mapping[str, str]) -> list[Finding]:
    """Check the server, its policies and the roles of our queues."""
    url, roles = env.get("VAULT_ADDR", ""), env.get("MANDATE_VAULT_ROLES", "")
    if not url or not roles:
        return [bad("vault", "no address or no role files", _FIX)]
    try:
        vault = Vault(url, verify=vault_trust(env))
    except ValueError as error:
        return [bad("vault", str(error), "correct VAULT_ADDR or VAULT_CACERT")]
    try:
        return await _asked(vault, Path(roles))
    finally:
        vault.close()


async def _asked(vault: Vault, roles: Path) -> list[Finding]:
    facts = await _examined(vault, roles, QUEUE)
    if facts[0].good:  # else the others would say the same of the server
        facts += [
            await _login(vault, roles, each)
            for each in (*naming.OF_TRUST, QUEUE_LEDGER, naming.NOTIFIER)
        ]
        facts += (await _examined(vault, roles, QUEUE_T3))[1:]
    # Both brokers see the same server and the same policies.
    return [_finding(fact) for fact in dict.fromkeys(facts)]


def _finding(fact: Fact) -> Finding:
    return Finding("vault", fact.good, f"{fact.name}: {fact.detail}", fact.fix or _FIX)


async def _examined(vault: Vault, roles: Path, queue: str) -> list[Fact]:
    async with aclosing(Login(vault, roles, queue)) as login:
        return list(await examine(vault, login))


async def _login(vault: Vault, roles: Path, identity: str) -> Fact:
    async with aclosing(Login(vault, roles, identity)) as login:
        return await worker(vault, login)
