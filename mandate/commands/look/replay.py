"""``mandate replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="What `temporal workflow show -o json` printed."),
    ] = None,
    running: Annotated[
        bool, typer.Option("--running", help="The histories of all runs under way.")
    ] = False,
    query: Annotated[
        str, typer.Option(help="Which of these, as in `temporal workflow list --query`.")
    ] = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Replay histories on the code at hand, before it is deployed; 1 where one differs."""
    from mandate.work.look import replay

    end(replay.run(files or (), running=running, query=query, as_json=as_json, data_dir=data_dir))
