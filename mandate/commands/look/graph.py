"""``mandate graph``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import DataDir, end


def command(
    pipeline: Annotated[str, typer.Argument(help="A name of the catalogue, or a file.")],
    mermaid: Annotated[bool, typer.Option("--mermaid", help="A Mermaid flowchart.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Draw the plan of a pipeline."""
    from mandate.work.look import graph

    end(graph.run(pipeline, mermaid=mermaid, data_dir=data_dir))
