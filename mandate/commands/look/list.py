"""``mandate list``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, end


def command(
    only_templates: Annotated[
        bool, typer.Option("--templates", help="Only the templates, not the pipelines.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show the pipelines that can be started by name, and what their agents may be."""
    from mandate.work.look import listing

    end(listing.run(data_dir, only_templates=only_templates, as_json=as_json))
