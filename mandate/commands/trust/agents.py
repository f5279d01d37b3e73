"""``mandate agents``."""

from __future__ import annotations

from mandate.cli_options import AsJson, DataDir, LedgerFile, end


def command(ledger: LedgerFile = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show every agent: its tier, its score card, and what the next tier lacks."""
    from mandate.work.look.ledger import locate
    from mandate.work.trust import agents

    end(agents.run(locate(ledger, data_dir), as_json=as_json, data_dir=data_dir))
