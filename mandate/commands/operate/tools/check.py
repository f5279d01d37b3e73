"""``mandate tools check``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="As `mandate tools list` shows them; default: all.")
    ] = None,
    *,
    pin: Annotated[
        bool, typer.Option("--pin", help="Pin what is listed now; read it first.")
    ] = False,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="What a server is handed; once for each."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Start or reach tool servers, and compare their tools with what is pinned."""
    from mandate.work.operate import tools_check

    given = secret or []
    end(tools_check.run(names or [], pin=pin, as_json=as_json, data_dir=data_dir, secrets=given))
