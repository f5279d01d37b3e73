"""``mandate review council``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end

Folder = Annotated[str, typer.Argument(metavar="PATH", help="Within the workspace of the stack.")]
Checks = Annotated[
    str, typer.Option(help="A command of the repository that patches must pass; in the sandbox.")
]


def command(
    path: Folder = ".",
    checks: Checks = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Have agents look, suggest and judge; print what was decided, and by which rule."""
    from mandate.work.review import council

    end(council.run(path, checks, as_json=as_json, data_dir=data_dir))
