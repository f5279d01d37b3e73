"""``mandate register``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, end


def command(
    file: Annotated[Path, typer.Argument(help="A pipeline document.")], data_dir: DataDir = None
) -> None:
    """Vouch for a pipeline, so that it may run under its own name."""
    from mandate.work.trust import register

    end(register.run(file, data_dir=data_dir))
