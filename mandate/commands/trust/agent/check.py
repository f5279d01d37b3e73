"""``mandate agent check``."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


class AskedPhase(Enum):
    """A phase in which a program can be asked, as it is typed."""

    PLAN = "PLAN"
    EXECUTE = "EXECUTE"
    VERIFY = "VERIFY"


def command(
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
    from mandate.work.trust import agent_check

    end(
        agent_check.run(
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
