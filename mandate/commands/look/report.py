"""``mandate report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, Run, end


def command(
    run: Run,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new file; default: RUN.report.html.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Tell of a run in one page, for people who were not there."""
    from mandate.work.look.report import run as report

    end(report.run(run, out, data_dir=data_dir))
