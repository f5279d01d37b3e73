"""What the worker of each queue looks at, so that it knows whether it can do its work.

1. A worker looks at what it stands on itself: what one machine reaches another may not.
2. The ledger's worker looks at what concerns all of them as well, and puts changes on record: there
   is one, and it needs no other server for that.
3. What is not served any more its own worker cannot tell. So that of trust looks at queues as well.
"""

from __future__ import annotations

from redis.asyncio import Redis

from dsl.values.circuit_names import ARTIFACTS
from integrations.agents.processes.roster import Roster
from integrations.health.breakers import Breakers
from integrations.health.monitor import Monitor
from integrations.health.probes.agents import processes_probe
from integrations.health.probes.complete import all_probes
from integrations.health.probes.disks import artifacts_probe
from integrations.health.probes.engine import Engine, queues_probe
from integrations.health.probes.stores import clock_probe, dragonfly_probe, vault_probe
from integrations.ledger.ledger import Ledger
from integrations.settings import Settings
from integrations.vault.client import Vault


def of_phases(
    settings: Settings, dragonfly: Redis, vault: Vault, roster: Roster, breakers: Breakers
) -> Monitor:
    """Return what a phase worker looks at; its circuits hear of it."""
    monitor = Monitor(
        (
            dragonfly_probe(dragonfly),
            vault_probe(vault),
            artifacts_probe(settings.artifacts, must_exist=True),
            clock_probe(vault, dragonfly),
            processes_probe(roster),
        )
    )
    monitor.tells(breakers.deaths.heard)
    return monitor


def of_trust(dragonfly: Redis, vault: Vault, engine: Engine) -> Monitor:
    """Return what the trust worker looks at, the queue of the ledger among it (3)."""
    return Monitor((dragonfly_probe(dragonfly), vault_probe(vault), queues_probe(engine)))


def of_ledger(
    settings: Settings, dragonfly: Redis, vault: Vault, ledger: Ledger, engine: Engine
) -> Monitor:
    """Return what the ledger's worker looks at (2)."""
    probes = all_probes(settings, dragonfly, vault, engine, lag_s=lambda: ledger.lag_s)
    has_artifacts = settings.artifacts.exists()
    return Monitor(tuple(each for each in probes if has_artifacts or each.name != ARTIFACTS))
