"""``mandate ledger export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, LedgerFile, end


def command(
    into: Annotated[Path, typer.Argument(help="A directory that is to be made.")],
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
) -> None:
    """Write every entry and every signed note as text, to be kept or checked elsewhere."""
    from mandate.work.look.ledger import locate
    from mandate.work.look.ledger_proofs import export

    end(export(locate(ledger, data_dir), into))
