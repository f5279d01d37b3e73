"""``mandate artifact show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, Place, end


def command(
    place: Place,
    name: Annotated[str, typer.Argument(help="As `mandate artifact list RUN` names it.")],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as they are, to a pipe.")] = False,
    out: Annotated[Path | None, typer.Option(help="A new file for the bytes as they are.")] = None,
    in_pager: Annotated[bool, typer.Option("--open", help="Show it in a pager.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show one output whole, its hash compared with what the run's history says."""
    from mandate.work.look import artifact

    end(artifact.show(place, name, raw=raw, out=out, in_pager=in_pager, data_dir=data_dir))
