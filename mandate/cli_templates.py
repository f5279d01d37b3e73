"""The command line of templates: what there is to type to bring an agent of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end

templates_app = typer.Typer(help="Bring agents of your own.", no_args_is_help=True)


@templates_app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What stages will name it.")],
    language: Annotated[str, typer.Option(help="python, typescript or shell.")] = "python",
    into: Annotated[
        Path | None, typer.Option(help="Where; default the last of MANDATE_TEMPLATES.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a working template with its program, a test, and a pipeline of one stage."""
    from mandate.commands import template as command  # noqa: PLC0415 - at need

    end(command.new(name, language, into, data_dir=data_dir))


@templates_app.command("list")
def list_(
    as_json: AsJson = False,  # noqa: FBT002 - a flag
    data_dir: DataDir = None,
) -> None:
    """Show the templates that stages may name, and what is wrong with the rest."""
    from mandate.commands import template as command  # noqa: PLC0415 - at need

    end(command.list_(as_json=as_json, data_dir=data_dir))
