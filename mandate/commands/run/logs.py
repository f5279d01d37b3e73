"""``mandate logs``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, Run, end


def command(
    run: Run,
    stage: Annotated[
        str | None, typer.Argument(help="One stage, by its path; default all.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show what agents have said, also those that failed or were stopped."""
    from mandate.work.run import logs

    end(logs.run(run, stage, follow=follow, data_dir=data_dir))
