"""``mandate agent show``."""

from __future__ import annotations

from mandate.cli_options import AgentId, AsJson, DataDir, LedgerFile, end


def command(
    agent: AgentId,
    ledger: LedgerFile = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show one agent with all the ledger says of it, and verify that evidence."""
    from mandate.work.look.ledger import locate
    from mandate.work.trust import agents

    end(agents.show(agent, locate(ledger, data_dir), as_json=as_json, data_dir=data_dir))
