"""``mandate tools show``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    name: Annotated[str, typer.Argument(help="As `mandate tools list` shows it.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show one tool server: how it is started, and its pinned tools."""
    from mandate.work.operate import tools

    end(tools.show(name, as_json=as_json, data_dir=data_dir))
