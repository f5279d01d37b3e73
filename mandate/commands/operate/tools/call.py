"""``mandate tools call``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mandate.cli_options import AsJson, DataDir, Yes, end


def command(
    tool: Annotated[str, typer.Argument(metavar="SERVER/TOOL", help="A pinned tool.")],
    arguments: Annotated[
        str, typer.Argument(help="One JSON object; @FILE, or - for stdin.")
    ] = "{}",
    *,
    secret: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="What its server is handed; once for each."),
    ] = None,
    unrecorded: Annotated[
        bool, typer.Option("--unrecorded", help="Although it is to happen once.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Call a pinned tool yourself, in the sandbox of its server; asks first."""
    from mandate.work.operate import tools_call

    given: dict[str, Any] = {"as_json": as_json, "data_dir": data_dir, "secrets": secret or []}
    end(tools_call.run(tool, arguments, is_sure=yes, unrecorded=unrecorded, **given))
