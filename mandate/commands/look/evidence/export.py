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
    data_dir: DataDir = None,
) -> None:
    """Have everything that bears out a run signed, and write it into one file."""
    from mandate.work.look.evidence import export

    end(export(run, out, data_dir=data_dir))
