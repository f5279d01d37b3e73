"""The looks of the health manager, as a command makes them: the very ones that workers make.

1. Nothing is connected to before it is looked at, and no look waits for another: what is away costs
   its own second.
2. ``mandate doctor`` looks once, and leaves out what it says itself in full, of servers, and what a
   stack that is only being set up cannot have yet: workers and sweeps.
3. There a look that has no answer in its time is made again, ``ATTEMPTS`` at most, since a server
   may be busy; and it is said that it has none, where the servers themselves seem well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from activities.runtime.client import connect as connect_temporal
from activities.runtime.engine_health import TemporalHealth
from dsl.rules.health.vitality import Grade
from dsl.values.circuit_names import ARTIFACTS, DRAGONFLY, LEDGER, VAULT
from integrations.dragonfly.client import connect
from integrations.errors import DeniedError, IntegrationError, UnavailableError
from integrations.health.probes.complete import all_probes
from integrations.health.probes.disks import room_at
from integrations.health.probes.engine import CREDENTIALS, QUEUES, TEMPORAL
from integrations.health.probes.sighting import HealthProbe, Sighting, unseen
from integrations.settings import Settings, SettingsError, read_settings
from integrations.vault.client import Vault
from mandate.doctor.finding import Finding, bad, good

ATTEMPTS: Final = 3
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


@dataclass(frozen=True, slots=True)
class SeenOnce:
    """What the looks have found, and which of them had no answer."""

    findings: tuple[Finding, ...] = ()
    unanswered: tuple[str, ...] = ()

    def lines(self, *, are_servers_well: bool) -> list[Finding]:
        """Return the findings, and what is not known although the servers seem well (3)."""
        if not self.unanswered or not are_servers_well:  # else their own lines say why
            return [*self.findings]
        words = f"not known, no answer in time: {', '.join(self.unanswered)}"
        return [*self.findings, bad("looks", words, "look again: servers answer, and late")]


async def seen_once(env: Mapping[str, str]) -> SeenOnce:
    """Look once, for ``mandate doctor`` (2)."""
    try:
        settings = read_settings(env)
        async with looks(settings) as found:
            probes = [each for each in found if each.name not in _SAID_ELSEWHERE]
            sightings = await asyncio.gather(*(_answered(each) for each in probes))
    except SettingsError:
        return SeenOnce()  # whoever is asked for the server says so
    # A disk that hangs, as a mount may, holds up a thread and no look.
    disks = await asyncio.to_thread(_disks, settings)
    pairs = [(probe.name, each) for probe, each in zip(probes, sightings, strict=True)]
    known = [_finding(name, each) for name, each in pairs if each and each.grade is not None]
    unanswered = tuple(name for name, each in pairs if each is None)
    return SeenOnce((*known, *disks), unanswered)


async def _answered(probe: HealthProbe) -> Sighting | None:
    """Return what a look finds; None: nobody answers (3)."""
    for _ in range(ATTEMPTS):
        try:
            async with asyncio.timeout(probe.limit_s):
                return await probe.look()
        except (UnavailableError, TimeoutError):
            continue
        except IntegrationError as error:  # it answers, and has no word on that for us
            return unseen(str(error))
    return None


def _finding(name: str, seen: Sighting) -> Finding:
    if seen.grade is Grade.GOOD:
        return good(name, seen.detail)
    return bad(name, seen.detail, seen.fix)


def _disks(settings: Settings) -> list[Finding]:
    places = {LEDGER: settings.ledger.parent, ARTIFACTS: settings.artifacts}
    return [_disk(name, place) for name, place in places.items()]


def _disk(name: str, place: Path) -> Finding:
    try:
        found = room_at(name, place, must_write=False)  # that is for workers, who say so
    except IntegrationError as error:
        return bad(_DISK, f"{name}: {error}", f"make {place} for the user of the workers")
    return _finding(_DISK, replace(found, detail=f"{name}: {found.detail}"))


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
