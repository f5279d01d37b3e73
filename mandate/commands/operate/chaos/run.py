"""``mandate chaos run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import end


def command(
    experiment: Annotated[Path, typer.Argument(help="A file.")],
    seed: Annotated[
        int | None, typer.Option(help="The same seed does the same; default: the file's.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="Where to write the journal.")] = None,
    page: Annotated[Path | None, typer.Option(help="Where to write the HTML page.")] = None,
) -> None:
    """Make an experiment; 0 only when governance held and the objective was reached."""
    from mandate.work.chaos import run

    end(run.run(experiment, seed, journal=journal, page=page))
