"""The command line of artefacts: what there is to type to read what agents have put out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end

_Place = Annotated[
    str,
    typer.Argument(
        metavar="RUN[/STAGE]", help="The workflow id of a run, or of one of its stages."
    ),
]

artifacts_app = typer.Typer(help="Read what agents have put out.", no_args_is_help=True)


@artifacts_app.command("show")
def show(
    place: _Place,
    name: Annotated[str, typer.Argument(help="As `mandate artifact list RUN` names it.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as they are, to a pipe.")] = False,
    out: Annotated[Path | None, typer.Option(help="A new file for the bytes as they are.")] = None,
    in_pager: Annotated[bool, typer.Option("--open", help="Show it in a pager.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show one output whole, its hash compared with what the run's history says."""
    from mandate.commands.look import artifact as command  # noqa: PLC0415 - at need

    end(command.show(place, name, raw=raw, out=out, in_pager=in_pager, data_dir=data_dir))


@artifacts_app.command("save")
def save(
    place: _Place,
    name: Annotated[
        str | None, typer.Argument(help="One output; default all, in a folder for each stage.")
    ] = None,
    into: Annotated[Path, typer.Option(help="The folder.")] = Path(),
    data_dir: DataDir = None,
) -> None:
    """Write outputs to new files, their hash compared with what the run's history says."""
    from mandate.commands.look import artifact as command  # noqa: PLC0415 - at need

    end(command.save(place, name, into, data_dir=data_dir))


@artifacts_app.command("list")
def list_(
    run: _Place,
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """List what the stages of a run have put out, by name, kind, size and digest."""
    from mandate.commands.look import artifact as command  # noqa: PLC0415 - at need

    end(command.list_(run, as_json=as_json, data_dir=data_dir))
