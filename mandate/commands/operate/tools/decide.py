"""``mandate tools decide``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    pipeline: Annotated[str, typer.Argument(help="A name of the catalogue, or a file.")],
    stage: Annotated[str, typer.Argument(help="The path of an agent stage.")],
    tool: Annotated[str, typer.Argument(metavar="SERVER/TOOL", help="What it would call.")],
    arguments: Annotated[
        str, typer.Argument(help="One JSON object; @FILE, or - for stdin.")
    ] = "{}",
    *,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="name=value, may be repeated.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say what the table of a stage makes of a call; nothing is called."""
    from mandate.work.operate import tools_decide

    end(
        tools_decide.run(
            *(pipeline, stage, tool, arguments),
            inputs=inputs or [],
            as_json=as_json,
            data_dir=data_dir,
        )
    )
