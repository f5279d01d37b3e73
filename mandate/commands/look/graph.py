"""``mandate graph``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, end


class Drawing(StrEnum):
    """What a plan can be drawn as."""

    TREE = "tree"
    MERMAID = "mermaid"
    SVG = "svg"


def command(
    pipeline: Annotated[str, typer.Argument(help="A name of the catalogue, or a file.")],
    drawn_as: Annotated[Drawing, typer.Option("--format", help="As what.")] = Drawing.TREE,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new file; default: print it.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Draw the plan of a pipeline."""
    from mandate.work.look import graph

    end(graph.run(pipeline, out, drawn_as=drawn_as.value, data_dir=data_dir))
