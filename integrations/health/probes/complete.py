"""All that runs stand on, as one machine sees it: the ledger's worker, or a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from redis.asyncio import Redis

from integrations.agents.processes.roster import Roster
from integrations.health.beats import Beats
from integrations.health.probes.agents import agents_probe, processes_probe
from integrations.health.probes.circuits import circuits_probe
from integrations.health.probes.disks import artifacts_probe, ledger_probe
from integrations.health.probes.disputes import disputes_probe
from integrations.health.probes.engine import (
    Engine,
    credentials_probe,
    queues_probe,
    runs_probe,
    temporal_probe,
)
from integrations.health.probes.sighting import HealthProbe, where
from integrations.health.probes.stores import clock_probe, dragonfly_probe, vault_probe
from integrations.settings import Settings
from integrations.vault.client import Vault


def all_probes(
    settings: Settings,
    dragonfly: Redis,
    vault: Vault,
    engine: Engine,
    *,
    lag_s: Callable[[], float] | None = None,
) -> tuple[HealthProbe, ...]:
    """Return every look.

    ``lag_s``: as ``ledger_probe`` has it, of whoever writes the ledger. All others only read.
    """
    return (
        replace(temporal_probe(engine), helps=where(settings.temporal)),
        replace(dragonfly_probe(dragonfly), helps=where(settings.dragonfly_url)),
        replace(vault_probe(vault), helps=where(settings.vault_url)),
        ledger_probe(settings.ledger, lag_s=lag_s),
        artifacts_probe(settings.artifacts, must_write=lag_s is not None),
        clock_probe(vault, dragonfly),
        queues_probe(engine),
        runs_probe(engine),
        agents_probe(Beats(dragonfly), engine),
        processes_probe(Roster()),
        credentials_probe(engine),
        disputes_probe(settings.ledger),
        circuits_probe(dragonfly, settings.ledger),
    )
