"""``mandate ledger show``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, LedgerFile, Seq, end


def command(
    seq: Seq,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one entry."""
    from mandate.work.look.ledger import locate
    from mandate.work.look.ledger_proofs import show

    end(show(locate(ledger, data_dir), seq, as_json=as_json))
