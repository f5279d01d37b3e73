"""``mandate breaker reset``."""

from __future__ import annotations

from mandate.cli_options import Circuit, DataDir, Reason, end


def command(circuit: Circuit, reason: Reason, data_dir: DataDir = None) -> None:
    """End an order, and begin anew with a closed circuit."""
    from dsl.rules.health.breaker import CircuitOrder
    from mandate.work.operate import breaker

    end(breaker.order(circuit, CircuitOrder.RESET, reason, data_dir=data_dir))
