"""``mandate up --trial``: what the stack does of a trial, see ``integrations.trial``.

Only where Vault is ours: nobody lends anything on a server of the caller's.
"""

from __future__ import annotations

from pathlib import Path

from mandate.stack.errors import StackError


async def make_ready(vault_url: str, roles_dir: Path, ledger: Path) -> str:
    """Lend T3 to the agent of the trial; return what a person has to know.

    Raises:
        StackError: Vault or the ledger does not let us.
    """
    # Late, as in mandate.stack.servers.vault: the client library is loaded while servers start.
    from integrations.errors import IntegrationError  # noqa: PLC0415
    from integrations.trial import AGENT, PIPELINE, WHY, lend  # noqa: PLC0415

    try:
        await lend(vault_url, roles_dir, ledger)
    except IntegrationError as error:
        raise StackError(f"there is no trial: {error}") from error
    return f"{AGENT} holds T3, {WHY}; start pipeline {PIPELINE}"
