"""``mandate install``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import end


def command(
    token_file: Annotated[
        Path, typer.Option(help="Holds root's token, or the installer's; written for a new server.")
    ],
    roles_dir: Annotated[
        Path | None, typer.Option(help="Where to file the workers' roles.")
    ] = None,
    wrapped: Annotated[
        bool, typer.Option("--wrapped", help="File roles that each worker must take at once.")
    ] = False,
) -> None:
    """Install policies and roles on the Vault that VAULT_ADDR names."""
    from mandate.work.operate import install

    end(install.run(token_file, roles_dir, wrapped=wrapped))
