"""``mandate ledger fsck``."""

from __future__ import annotations

from mandate.cli_options import DataDir, LedgerFile, end


def command(ledger: LedgerFile = None, data_dir: DataDir = None) -> None:
    """Look at the file, at its writer and at all that `mandate ledger verify` looks at."""
    from mandate.work.look.ledger import fsck, locate

    end(fsck(locate(ledger, data_dir), data_dir=data_dir))
