"""``mandate show``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, Run, end


def command(
    run: Run,
    is_whole: Annotated[bool, typer.Option("--all", help="Every stage, vote and output.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print the board of a run, under way or over; the exit code is how it ended.

    0 completed, 1 failed, 3 under way, 4 rejected at a gate, 5 cancelled or terminated, 6 out of
    time, 7 an agent was revoked; 2 there is no such run.
    """
    from mandate.work.run import show

    end(show.run(run, is_whole=is_whole, as_json=as_json, data_dir=data_dir))
