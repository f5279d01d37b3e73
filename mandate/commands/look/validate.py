"""``mandate validate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, end


def command(
    files: Annotated[list[Path], typer.Argument(help="Pipeline documents.")],
    as_json: AsJson = False,
) -> None:
    """Check pipeline documents and report every problem at once."""
    from mandate.work.look import validate

    end(validate.run(files, as_json=as_json))
