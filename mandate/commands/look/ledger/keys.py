"""``mandate ledger keys``."""

from __future__ import annotations

from mandate.cli_options import AnchorSpecs, DataDir, LedgerFile, end


def command(
    ledger: LedgerFile = None, data_dir: DataDir = None, anchor: AnchorSpecs = None
) -> None:
    """Print the keys that sign the ledger, as its anchors have them: to be kept elsewhere."""
    from mandate.work.look.ledger import keys, locate

    end(keys(locate(ledger, data_dir), anchor or (), data_dir=data_dir))
