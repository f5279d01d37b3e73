"""``mandate template show``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    name: Annotated[str, typer.Argument(help="As `mandate list --templates` shows it.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what a template takes and does, and the digest of its program."""
    from mandate.work.look import templates

    end(templates.show(name, as_json=as_json, data_dir=data_dir))
