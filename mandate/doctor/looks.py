"""The looks of the health manager, as a command makes them: the very ones that workers make.

1. Nothing is connected to before it is looked at, and no look waits for another: what is away costs
   its own second.
2. ``mandate doctor`` looks once, and leaves out what it says itself in full, of servers, and what a
   stack that is only being set up cannot have yet: workers and sweeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from activities.runtime.client import connect as connect_temporal
from activities.runtime.engine_health import TemporalHealth
from dsl.rules.health.vitality import Grade
from dsl.values.circuit_names import ARTIFACTS, DRAGONFLY, LEDGER, VAULT
from integrations.dragonfly.client import connect
from integrations.errors import DeniedError, IntegrationError
from integrations.health.probes.complete import all_probes
from integrations.health.probes.disks import room_at
from integrations.health.probes.engine import CREDENTIALS, QUEUES, TEMPORAL
from integrations.health.probes.sighting import HealthProbe
from integrations.settings import Settings, SettingsError, read_settings
from integrations.vault.client import Vault
from mandate.doctor.finding import Finding, bad, good

_SAID_ELSEWHERE: Final = (TEMPORAL, DRAGONFLY, VAULT, LEDGER, ARTIFACTS, QUEUES, CREDENTIALS)
_DISK: Final = "disk"


@asynccontextmanager
async def looks(settings: Settings) -> AsyncIterator[tuple[HealthProbe, ...]]:
    """Return all looks; their connections are closed behind them, also where not all are made.

    Raises:
        SettingsError: a variable cannot be used.
    """
    async with AsyncExitStack() as stack:
        vault = stack.enter_context(closing(_vault(settings)))
        dragonfly = await stack.enter_async_context(aclosing(_dragonfly(settings)))
        # (1) nothing is connected to
        engine = TemporalHealth(await connect_temporal(settings, when_used=True))
        yield all_probes(settings, dragonfly, vault, engine)


async def seen_once(env: Mapping[str, str]) -> list[Finding]:
    """Look once, for ``mandate doctor`` (2)."""
    try:
        settings = read_settings(env)
        async with looks(settings) as found:
            probes = [each for each in found if each.name not in _SAID_ELSEWHERE]
            findings = await asyncio.gather(*(_seen(each) for each in probes))
    except SettingsError:
        return []  # whoever is asked for the server says so
    # A disk that hangs, as a mount may, holds up a thread and no look.
    disks = await asyncio.to_thread(_disks, settings)
    return [each for each in (*findings, *disks) if each is not None]


async def _seen(probe: HealthProbe) -> Finding | None:
    """Return what a look finds; None: nobody answers, or nobody can say that here."""
    try:
        async with asyncio.timeout(probe.limit_s):
            found = await probe.look()
    except (IntegrationError, TimeoutError):
        return None
    if found.grade is None:
        return None
    if found.grade is Grade.GOOD:
        return good(probe.name, found.detail)
    return bad(probe.name, found.detail, found.fix)


def _disks(settings: Settings) -> list[Finding]:
    places = {LEDGER: settings.ledger.parent, ARTIFACTS: settings.artifacts}
    return [_disk(name, place) for name, place in places.items()]


def _disk(name: str, place: Path) -> Finding:
    try:
        found = room_at(name, place, must_write=False)  # that is for workers, who say so
    except IntegrationError as error:
        return bad(_DISK, f"{name}: {error}", f"make {place} for the user of the workers")
    if found.grade is Grade.GOOD:
        return good(_DISK, f"{name}: {found.detail}")
    return bad(_DISK, f"{name}: {found.detail}", found.fix)


def _vault(settings: Settings) -> Vault:
    try:
        return Vault.of(settings)
    except ValueError as error:
        raise SettingsError(f"VAULT_ADDR: {error}") from None


def _dragonfly(settings: Settings) -> Redis:
    try:
        return connect(settings.dragonfly_url, settings.dragonfly_password_file)
    except (ValueError, DeniedError) as error:
        raise SettingsError(f"MANDATE_DRAGONFLY_URL: {error}") from None
