"""``mandate evidence export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, Run, end


def command(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new file; default: RUN.evidence.json.")
    ] = None,
    run_id: Annotated[
        str, typer.Option("--run-id", help="Which of several runs of that id; default: the latest.")
    ] = "",
    data_dir: DataDir = None,
) -> None:
    """Have everything that bears out a run signed, and write it into one file."""
    from mandate.work.look.evidence import export

    end(export(run, out, run_id=run_id, data_dir=data_dir))
