"""``mandate ledger tail``."""

from __future__ import annotations

from typing import Annotated

import typer

from mandate.cli_options import AsJson, DataDir, LedgerFile, end


def command(
    count: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many.")] = 10,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries, oldest first."""
    from mandate.work.look.ledger import locate, tail

    end(tail(locate(ledger, data_dir), count, as_json=as_json))
