"""The command line of trust: what there is to type about an agent's standing.

Kept beside ``mandate/cli.py``, of which it is a part: the commands stand at the top level.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end

trust_app = typer.Typer()

AgentId = Annotated[str, typer.Argument(metavar="ID", help="The id of an agent.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until people have answered and it is done.")]


@trust_app.command()
def promote(
    agent: AgentId,
    to: Annotated[str, typer.Option(help="The tier above the one it holds, such as T2.")],
    wait: Wait = False,  # noqa: FBT002 - a flag
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Ask for an agent to be raised by one tier; says what it lacks, or who has to consent."""
    from mandate.commands import promote as command  # noqa: PLC0415 - at need

    end(command.run(agent, to, wait=wait, as_json=as_json, data_dir=data_dir))


@trust_app.command()
def reinstate(
    agent: AgentId,
    reason: Annotated[str, typer.Option(help="Why; it is recorded, and shown to who consents.")],
    wait: Wait = False,  # noqa: FBT002 - a flag
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Ask for a revoked agent to come back at T0; the council has to consent."""
    from mandate.commands import reinstate as command  # noqa: PLC0415 - at need

    end(command.run(agent, reason, wait=wait, as_json=as_json, data_dir=data_dir))
