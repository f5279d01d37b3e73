"""``mandate template new``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, end


def command(
    name: Annotated[str, typer.Argument(help="What stages will name it.")],
    language: Annotated[str, typer.Option(help="python, typescript or shell.")] = "python",
    into: Annotated[
        Path | None, typer.Option(help="Where; default the last of MANDATE_TEMPLATES.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a working template with its program, a test, and a pipeline of one stage."""
    from mandate.work.look import template_new

    end(template_new.new(name, language, into, data_dir=data_dir))
