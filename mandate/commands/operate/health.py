"""``mandate health``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    watch: Annotated[bool, typer.Option("--watch", help="Again on each change.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Look whether everything lives that runs stand on, and what was left behind.

    Exit codes: 0 all is well, 1 something is dead, 3 something is suspect.
    """
    from mandate.work.operate import health

    end(health.run(data_dir, watch=watch, as_json=as_json))
