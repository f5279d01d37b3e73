"""``mandate ledger prove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mandate.cli_options import DataDir, LedgerFile, Seq, end


def command(
    seq: Seq,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A new file; default: print it.")
    ] = None,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
) -> None:
    """Prove to a stranger that one entry stands on the ledger."""
    from mandate.work.look.ledger import locate
    from mandate.work.look.ledger_proofs import prove_entry

    end(prove_entry(locate(ledger, data_dir), seq, out))
