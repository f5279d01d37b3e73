"""``mandate demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mandate.cli_options import end


def command(
    what: Annotated[
        Literal["review", "tools"], typer.Argument(help="A code review, or an agent's calls.")
    ] = "review",
    workspace: Annotated[
        Path | None, typer.Option(help="What is reviewed; default this checkout.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep it up until Ctrl-C.")] = False,
) -> None:
    """Show a governed pipeline from start to report, on a stack of its own."""
    from mandate.work.operate import demo, demo_tools

    if what == "tools" and (keep or workspace is not None):
        raise typer.BadParameter("--keep and --workspace are of `mandate demo review`")
    end(demo_tools.run() if what == "tools" else demo.run(workspace, keep=keep))
