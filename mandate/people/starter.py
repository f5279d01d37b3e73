"""Who starts a run, proven in the memo of the start.

A gate may exclude the starter, and then it must be known who that is. A run without the proof
starts as well: only gates that exclude its starter refuse it, saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsl.rules.proofs.proof import START
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import digest_of
from integrations.errors import IntegrationError
from mandate.people.errors import RefusalError
from mandate.people.gates.statements import sign
from mandate.people.login.session import Session, kept, session
from mandate.terminal import note
from workflows.run.provenance import STARTER_MEMO


async def starter_memo(
    env: Mapping[str, str], workflow_id: str, plan: str, inputs: Mapping[str, Any]
) -> dict[str, str] | None:
    """Return the memo of a start by whoever is logged in; None where nobody is.

    Args:
        env: names the Vault.
        workflow_id: of the run to be started.
        plan: its digest.
        inputs: all of them, with their defaults.
    """
    try:
        url = env.get("VAULT_ADDR", "")
        if not url or kept().get(url) is None:
            return None
        async with session(env) as who:
            return await memo_of(who, workflow_id, plan, inputs)
    except (RefusalError, IntegrationError) as error:
        note(Terminal.of("mandate run: started without a proof of who starts it: {}", error))
        return None


async def memo_of(
    who: Session, workflow_id: str, plan: str, inputs: Mapping[str, Any]
) -> dict[str, str]:
    """Return the memo of a start by that person.

    Raises:
        integrations.errors.IntegrationError: Vault does not sign.
    """
    about = {"workflow": workflow_id, "plan": plan, "inputs": digest_of(inputs)}
    return {STARTER_MEMO: (await sign(who, START, about)).word}
