"""``mandate artifact save``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, Place, end


def command(
    place: Place,
    name: Annotated[
        str | None, typer.Argument(help="One output; default all, in a folder for each stage.")
    ] = None,
    into: Annotated[Path, typer.Option(help="The folder.")] = Path(),
    data_dir: DataDir = None,
) -> None:
    """Write outputs to new files, their hash compared with what the run's history says."""
    from mandate.work.look import artifact

    end(artifact.save(place, name, into, data_dir=data_dir))
