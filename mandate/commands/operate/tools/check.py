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
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Start tool servers in their sandbox, and compare their tools with what is pinned."""
    from mandate.work.operate import tools_check

    end(tools_check.run(names or [], pin=pin, as_json=as_json, data_dir=data_dir))
