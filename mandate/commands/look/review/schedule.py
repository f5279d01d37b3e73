"""``mandate review schedule``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, end
from mandate.commands.look.review.council import Checks, Folder

Every = Annotated[str, typer.Option(help="How often, with a unit: 12h, 7d.")]
Off = Annotated[bool, typer.Option("--off", help="End it; runs under way go on.")]


def command(
    path: Folder = ".",
    every: Every = "24h",
    checks: Checks = "",
    off: Off = False,
    data_dir: DataDir = None,
) -> None:
    """Review again and again, one at a time."""
    from mandate.work.review import schedule

    if off:
        end(schedule.end(path, data_dir=data_dir))
    end(schedule.begin(path, every, checks, data_dir=data_dir))
