"""What is to be known of Vault's own lock before T3 and T4 rest on it.

1. That a Vault does not enforce approvals is a fact, and a good one: T3 and T4 then rest on
   Mandate's own verification alone, and that is said.
2. A policy that we may not read is named, not judged: it is for an auditor to read.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import hvac
from hvac import exceptions as theirs

from integrations.errors import IntegrationError
from integrations.vault.checks.control_groups import trial
from integrations.vault.checks.control_groups.overlaps import overlaps
from integrations.vault.checks.facts import INSTALL, Fact, bad, good, not_found_out, shortened
from integrations.vault.client import Identity, Vault, data_of

POLICIES_MAX: Final = 1_000  # examined for ways around a gate
_ROOT: Final = "root"  # has no text, and no agent's token carries it
_FIX: Final = f"{INSTALL}, and let no other policy grant what it gates"


async def gate_lock(vault: Vault, login: Identity) -> tuple[Fact, ...]:
    """Return what is to be known of the lock, as seen by queue ``mandate-t3``."""
    enforced = await _enforced(vault, login)
    return (enforced, await _ways_around(vault, login)) if enforced.good else (enforced,)


async def _enforced(vault: Vault, login: Identity) -> Fact:
    try:
        enforced = await trial.is_enforced(vault, login)
    except IntegrationError as error:
        return not_found_out("approvals", error, "they cannot be tried", INSTALL)
    if enforced:
        return good("approvals", "they are enforced by Vault")
    return good(  # (1) not enforcing is a fact
        "approvals",
        "not enforced by this Vault: T3 and T4 rest on Mandate's own verification alone",
    )


async def _ways_around(vault: Vault, login: Identity) -> Fact:
    name = "ways around a gate"
    try:
        texts, unread = await vault.run_as(login, _every_policy)
    except IntegrationError as error:
        return not_found_out(name, error, "policies cannot be listed", INSTALL)
    found = overlaps(texts)
    if found:
        return bad(name, shortened(found), _FIX)
    # (2) named, not judged
    unknown = f"; not readable to us: {shortened(unread)}" if unread else ""
    return good(name, f"none in {len(texts)} policies{unknown}")


def _every_policy(client: hvac.Client) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the texts that can be read, by name, and the names of the others."""
    listed = data_of(client.adapter.list("/v1/sys/policies/acl"))["keys"]
    names = [name for name in listed if name != _ROOT]
    texts: dict[str, str] = {}
    for name in names[:POLICIES_MAX]:
        with suppress(theirs.Forbidden, theirs.InvalidPath):
            texts[name] = _text(client.adapter.get(f"/v1/sys/policies/acl/{name}"))
    return texts, tuple(name for name in names if name not in texts)


def _text(reply: Any) -> str:
    return str(data_of(reply)["policy"])
