"""``mandate tools call``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, Yes, end


def command(
    tool: Annotated[str, typer.Argument(metavar="SERVER/TOOL", help="A pinned tool.")],
    arguments: Annotated[str, typer.Argument(help="One JSON object.")] = "{}",
    *,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Call a pinned tool yourself, in the sandbox of its server; asks first."""
    from mandate.work.operate import tools_call

    end(tools_call.run(tool, arguments, is_sure=yes, as_json=as_json, data_dir=data_dir))
