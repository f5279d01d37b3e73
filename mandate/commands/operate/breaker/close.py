"""``mandate breaker close``."""

from __future__ import annotations

from mandate.cli_options import Circuit, DataDir, Reason, end


def command(circuit: Circuit, reason: Reason, data_dir: DataDir = None) -> None:
    """Let everything through, whatever comes of it, until somebody says otherwise."""
    from dsl.rules.health.breaker import CircuitOrder
    from mandate.work.operate import breaker

    end(breaker.order(circuit, CircuitOrder.CLOSE, reason, data_dir=data_dir))
