"""``mandate runs``."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from mandate.cli_options import AsJson, DataDir, end

SHOWN_MAX: Final = 200  # of mandate.people.runs, which is imported at need; a test holds them equal


def command(
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=SHOWN_MAX, help="How many, newest first.")
    ] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show the runs there are, what each is doing, and for whom it waits."""
    from mandate.work.run import runs

    end(runs.run(limit=limit, as_json=as_json, data_dir=data_dir))
