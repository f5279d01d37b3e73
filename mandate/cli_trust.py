"""The command line of trust: what there is to type about an agent's standing.

Kept beside ``mandate/cli.py``, of which it is a part: the commands stand at the top level.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import TRUST, AsJson, DataDir, LedgerFile, end

trust_app = typer.Typer()
agent_app = typer.Typer(
    help="One agent: look at it, rebind it, or check its program.", no_args_is_help=True
)
trust_app.add_typer(agent_app, name="agent", rich_help_panel=TRUST)

AgentId = Annotated[str, typer.Argument(metavar="ID", help="The id of an agent.")]


class AskedPhase(Enum):
    """A phase in which a program can be asked, as it is typed."""

    PLAN = "PLAN"
    EXECUTE = "EXECUTE"
    VERIFY = "VERIFY"


Wait = Annotated[bool, typer.Option("--wait", help="Until people have answered and it is done.")]


@trust_app.command(rich_help_panel=TRUST)
def promote(
    agent: AgentId,
    to: Annotated[str, typer.Option(help="The tier above the one it holds, such as T2.")],
    wait: Wait = False,  # noqa: FBT002 - a flag
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Ask for an agent to be raised by one tier; says what it lacks, or who has to consent."""
    from mandate.commands.trust import promote as command  # noqa: PLC0415 - at need

    end(command.run(agent, to, wait=wait, as_json=as_json, data_dir=data_dir))


@trust_app.command(rich_help_panel=TRUST)
def reinstate(
    agent: AgentId,
    reason: Annotated[str, typer.Option(help="Why; it is recorded, and shown to who consents.")],
    wait: Wait = False,  # noqa: FBT002 - a flag
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Ask for a revoked agent to come back at T0; the council has to consent."""
    from mandate.commands.trust import reinstate as command  # noqa: PLC0415 - at need

    end(command.run(agent, reason, wait=wait, as_json=as_json, data_dir=data_dir))


@trust_app.command(rich_help_panel=TRUST)
def revoke(
    agent: AgentId,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
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
    from mandate.commands.trust import revoke as command  # noqa: PLC0415 - at need

    end(
        command.run(
            agent, reason, wait_s=wait, as_json=as_json, only_print=only_print, data_dir=data_dir
        )
    )


@trust_app.command(rich_help_panel=TRUST)
def agents(
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show every agent: its tier, its score card, and what the next tier lacks."""
    from mandate.commands.look.ledger import locate  # noqa: PLC0415
    from mandate.commands.trust import agents as command  # noqa: PLC0415 - at need

    end(command.run(locate(ledger, data_dir), as_json=as_json, data_dir=data_dir))


@agent_app.command("show")
def agent_show(
    agent: AgentId,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
) -> None:
    """Show one agent with all the ledger says of it, and verify that evidence."""
    from mandate.commands.look.ledger import locate  # noqa: PLC0415
    from mandate.commands.trust import agents as command  # noqa: PLC0415 - at need

    end(command.show(agent, locate(ledger, data_dir), as_json=as_json, data_dir=data_dir))


@agent_app.command("check")
def agent_check(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND...", help="How the program is called.")
    ] = None,
    *,
    template: Annotated[str | None, typer.Option(help="Check the program of a template.")] = None,
    phase: Annotated[
        list[AskedPhase] | None,
        typer.Option(help="It takes part in; default: those of the template, or EXECUTE."),
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="What it is told.")
    ] = None,
    read: Annotated[
        list[Path] | None, typer.Option(help="A directory that it reads, beside this one.")
    ] = None,
    tcp: Annotated[list[int] | None, typer.Option(help="A port that it connects to.")] = None,
    timeout: Annotated[
        float, typer.Option(min=1, max=3_600, help="Seconds that it may take for one request.")
    ] = 10,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put a program to the contract of agents, in its sandbox; says what is to be mended."""
    from mandate.commands.agents import check as command_  # noqa: PLC0415 - at need

    end(
        command_.run(
            command or [],
            template=template,
            phases=[each.value for each in phase or []],
            inputs=given or [],
            read=read or [],
            tcp=tcp or [],
            timeout_s=timeout,
            as_json=as_json,
            data_dir=data_dir,
        )
    )


@agent_app.command("rebind")
def agent_rebind(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="Name or file.")],
    agents: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Default: all of the pipeline.")
    ] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")],
    data_dir: DataDir = None,
) -> None:
    """Vouch for agents whose program was released anew; they keep their record, one tier less."""
    from mandate.commands.trust import rebind as command  # noqa: PLC0415 - at need

    end(command.run(pipeline, agents or [], reason, data_dir=data_dir))
