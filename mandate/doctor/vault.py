"""Is Vault there, open, governed by this release, does it know our workers, and enforce approvals?

Asked as the workers themselves, with the role files they use; every login is ended again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

from activities.contracts import QUEUE, QUEUE_LEDGER, QUEUE_T3, QUEUE_TRUST
from integrations.errors import IntegrationError
from integrations.vault.client import Vault
from integrations.vault.login import Login
from integrations.vault.probe import gate_lock, probe
from mandate.doctor.finding import Finding, bad, good

_FIX = "run `mandate up`, or let VAULT_ADDR and MANDATE_VAULT_ROLES name a running server"
_LOCK_FIX = "install our governance again, and let no other policy grant what it gates"
_ROLES_FIX = "`mandate up` writes them; for your own server install our governance again"


async def vault_server(env: Mapping[str, str]) -> list[Finding]:
    """Check the server, its policies and the roles of our queues."""
    url, roles = env.get("VAULT_ADDR", ""), env.get("MANDATE_VAULT_ROLES", "")
    if not url or not roles:
        return [bad("vault", "no address or no role files", _FIX)]
    try:
        vault = Vault(url, verify=env.get("VAULT_CACERT") or True)
    except ValueError as error:
        return [bad("vault", str(error), "correct VAULT_ADDR")]
    try:
        return await _asked(vault, Path(roles))
    finally:
        vault.close()


async def _asked(vault: Vault, roles: Path) -> list[Finding]:
    async with aclosing(Login(vault, roles, QUEUE)) as login:
        facts = await probe(vault, login)
    findings = [Finding("vault", fact.good, f"{fact.name}: {fact.detail}", _FIX) for fact in facts]
    if not facts[0].good:  # the others would say the same of the server
        return findings
    logins = [await _login(vault, roles, each) for each in (QUEUE_TRUST, QUEUE_LEDGER, QUEUE_T3)]
    return [*findings, *logins, *(await _lock(vault, roles) if logins[-1].ok else [])]


async def _lock(vault: Vault, roles: Path) -> list[Finding]:
    """Say whether Vault itself holds back what needs an approval; if not, that is no failure."""
    async with aclosing(Login(vault, roles, QUEUE_T3)) as login:
        facts = await gate_lock(vault, login)
    return [Finding("vault", each.good, f"{each.name}: {each.detail}", _LOCK_FIX) for each in facts]


async def _login(vault: Vault, roles: Path, queue: str) -> Finding:
    async with aclosing(Login(vault, roles, queue)) as login:
        try:
            await login.client()
        except IntegrationError as error:
            return bad("vault", f"worker login: queue {queue}: {error}", _ROLES_FIX)
    return good("vault", f"worker login: queue {queue}")
