"""``mandate validate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    files: Annotated[list[Path], typer.Argument(help="Pipeline documents.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=VALUE", help="Check it too, may be repeated."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Check pipeline documents and report every problem at once."""
    from mandate.work.look import validate

    end(validate.run(files, inputs or [], as_json=as_json, data_dir=data_dir))
