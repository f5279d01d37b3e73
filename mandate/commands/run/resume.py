"""``mandate resume``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, Run, Yes, end


def command(
    run: Run,
    place: Annotated[
        str | None,
        typer.Option("--from", metavar="STAGE[/PHASE]", help="Go back to there, and on."),
    ] = None,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Let a run that was paused go on; or take one back, over or not, and on from there."""
    from mandate.work.run import repeat, steer

    if place is None:
        end(steer.resume(run, data_dir=data_dir))
    else:
        end(repeat.run(run, place, is_sure=yes, data_dir=data_dir))
