"""``mandate chaos search``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dsl.limits import CHAOS_SEARCH_MAX
from mandate.cli_options import end

_FILE = "Where to write "


def command(
    runs: Annotated[
        int, typer.Option(min=1, max=CHAOS_SEARCH_MAX, help="How many runs at most.")
    ] = 100,
    minutes: Annotated[float, typer.Option(min=0, help="How long at most.")] = 10,
    *,
    seed: Annotated[int, typer.Option(help="The same seed draws the same.")] = 0,
    skip: Annotated[
        int, typer.Option(min=0, max=CHAOS_SEARCH_MAX, help="How many drawn ones to leave out.")
    ] = 0,
    into: Annotated[Path, typer.Option(help="A folder for experiments that failed.")] = Path(
        "chaos"
    ),
    journal: Annotated[Path | None, typer.Option(help=f"{_FILE}the journal.")] = None,
    page: Annotated[Path | None, typer.Option(help=f"{_FILE}the HTML page.")] = None,
    table: Annotated[Path | None, typer.Option(help=f"{_FILE}the table, in Markdown.")] = None,
) -> None:
    """Draw experiments and make them; one that fails is shrunk, and written to a file."""
    from mandate.work.chaos import search

    files = {"journal": journal, "page": page, "table": table}
    end(search.run(search.Search(seed, runs, minutes, into, files, skip=skip)))
