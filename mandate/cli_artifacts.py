"""The command line of artefacts: what there is to type to read what agents have put out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end

artifacts_app = typer.Typer(help="Read what agents have put out.", no_args_is_help=True)


@artifacts_app.command("show")
def show(
    place: Annotated[
        str, typer.Argument(metavar="RUN/STAGE", help="The workflow id of a stage of an agent.")
    ],
    name: Annotated[str, typer.Argument(help="As `mandate artifact list RUN` names it.")],
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as they are, to a pipe.")] = False,  # noqa: FBT002 - a flag
    out: Annotated[Path | None, typer.Option(help="A new file for the bytes as they are.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Show one output whole, its hash compared with what the run's history says."""
    from mandate.commands.look import artifact as command  # noqa: PLC0415 - at need

    end(command.show(place, name, raw=raw, out=out, data_dir=data_dir))


@artifacts_app.command("list")
def list_(
    run: Annotated[str, typer.Argument(help="The workflow id of a run.")],
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """List what the stages of a run have put out, by name, kind, size and digest."""
    from mandate.commands.look import artifact as command  # noqa: PLC0415 - at need

    end(command.list_(run, as_json=as_json, data_dir=data_dir))
