"""``mandate health``: how everything is that runs stand on, now or on each change.

1. It looks itself, and asks no worker: they may be what is dead. Once, it looks until every state
   is settled: what does not answer is looked at three times, all at once, some seconds at most.
2. ``--watch`` goes on looking, and prints when a state has changed or what is to be done, until
   Ctrl-C, which is no failure.
3. Exit codes: 0 all is well, 1 something is dead, 3 something is suspect or not known, 2 wrong
   usage. What is kept on another machine, and is seen there alone, is for who looks there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dsl.rules.health.vitality import Vitality
from dsl.shown.surfaces import Terminal
from integrations.health.monitor import Monitor, Vital
from integrations.settings import read_settings
from mandate._entry import EXIT_FAILED
from mandate.columns import columns
from mandate.doctor.looks import looks
from mandate.people.door import enter
from mandate.stack import environment
from mandate.terminal import clear, say, say_json

EXIT_SUSPECT: Final = 3
LOOK_S: Final = 0.5


def run(data_dir: Path | None, *, watch: bool = False, as_json: bool = False) -> int:
    """Print how everything is; return the exit code (3)."""
    env = environment.present(data_dir)
    return enter("health", _watch(env, as_json=as_json) if watch else _once(env, as_json=as_json))


async def _once(env: Mapping[str, str], *, as_json: bool) -> int:
    async with looks(read_settings(env)) as probes:
        monitor = Monitor(probes, is_shown=True)
        await monitor.settle()  # (1) until every state is settled
    vitals = monitor.vitals()
    _print(vitals, as_json=as_json)
    return exit_code(vitals)


async def _watch(env: Mapping[str, str], *, as_json: bool) -> int:
    """Print on each change (2)."""
    async with looks(read_settings(env)) as probes:
        monitor = Monitor(probes, is_shown=True)
        try:
            async with monitor.running():
                await _follow(monitor, as_json=as_json)
        except asyncio.CancelledError:
            pass
    return 0


async def _follow(monitor: Monitor, *, as_json: bool) -> None:
    shown: dict[str, tuple[Any, ...]] = {}
    while True:
        vitals = monitor.vitals()
        seen = {each.name: (each.state, each.grade, each.fix) for each in vitals}
        new = [each for each in vitals if shown.get(each.name) != seen[each.name]]
        if as_json:
            _print(new, as_json=True)
        elif new:
            clear()
            _print(vitals, as_json=False)
        shown = seen
        await asyncio.sleep(LOOK_S)


def _print(vitals: Iterable[Vital], *, as_json: bool) -> None:
    if as_json:
        for vital in vitals:
            say_json(_record(vital))
    else:
        say(*_table(list(vitals)))


def _record(vital: Vital) -> dict[str, Any]:
    since = datetime.fromtimestamp(vital.pulse.since_ms / 1000, UTC)
    return {
        "what": vital.name,
        "state": vital.state.value,
        "since": since.isoformat(timespec="milliseconds") if vital.pulse.since_ms else None,
        "detail": vital.detail,
        "fix": vital.fix,
        "figures": {
            f"{each.metric}{{{each.label}}}" if each.label else each.metric: each.value
            for each in vital.figures
        },
    }


def _table(vitals: list[Vital]) -> Iterator[Terminal]:
    rows = [("WHAT", "STATE", ""), *((each.name, each.state.value, each.detail) for each in vitals)]
    for line, vital in zip(columns(rows), (None, *vitals), strict=True):
        yield line
        if vital is not None and vital.fix and vital.state is not Vitality.ALIVE:
            yield Terminal.of("{:14}fix: {}", "", vital.fix)
    for state in (Vitality.DEAD, Vitality.SUSPECT, Vitality.UNKNOWN):
        names = [each.name for each in vitals if each.state is state and not each.is_elsewhere]
        if names:
            yield Terminal.of("{}: {}", state, Terminal.listed(names))
    elsewhere = [each.name for each in vitals if each.is_elsewhere]
    if elsewhere:
        yield Terminal.of("not seen from here: {}", Terminal.listed(elsewhere))
    if exit_code(vitals) == 0:
        yield Terminal("all is well")


def exit_code(vitals: Iterable[Vital]) -> int:
    """Return how it ends where everything is like this (3)."""
    states = {each.state for each in vitals if not each.is_elsewhere}
    if Vitality.DEAD in states:
        return EXIT_FAILED
    return 0 if states <= {Vitality.ALIVE} else EXIT_SUSPECT
