"""``mandate chaos table``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import end


def command(
    journals: Annotated[list[Path], typer.Argument(help="Journals of searches, or of runs.")],
    table: Annotated[
        Path | None, typer.Option(help="A page: the table goes between its marks.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Where to write the HTML page.")] = None,
) -> None:
    """Add up journals; 0 only when governance held in all of them."""
    from mandate.work.chaos import adding

    end(adding.run(journals, table=table, page=page))
