"""``mandate reinstate``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AgentId, AsJson, DataDir, Wait, end


def command(
    agent: AgentId,
    reason: Annotated[str, typer.Option(help="Why; it is recorded, and shown to who consents.")],
    wait: Wait = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Ask for a revoked agent to come back at T0; the council has to consent."""
    from mandate.work.trust import reinstate

    end(reinstate.run(agent, reason, wait=wait, as_json=as_json, data_dir=data_dir))
