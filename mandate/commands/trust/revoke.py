"""``mandate revoke``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AgentId, AsJson, DataDir, Reason, end


def command(
    agent: AgentId,
    reason: Reason,
    *,
    wait: Annotated[
        float, typer.Option("--wait", min=0, max=86_400, help="Seconds until it is told as it is.")
    ] = 30,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the input with your proof, and start nothing.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Stop an agent everywhere, with proof; exit code 0 only when all of it is confirmed."""
    from mandate.work.trust import revoke

    end(
        revoke.run(
            agent, reason, wait_s=wait, as_json=as_json, only_print=only_print, data_dir=data_dir
        )
    )
