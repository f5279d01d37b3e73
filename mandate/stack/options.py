"""What a caller may say about the stack it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mandate.stack.workers import DEFAULT_WORKERS, WorkerProcess

DATA_DIR = Path(".mandate")
TEMPORAL_PORT = 7233
UI_PORT = 8233
VAULT_PORT = 8200
DRAGONFLY_PORT = 6379
CONSOLE_PORT = 8300


def _say_nothing(_message: str) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Port 0 means any free one.

    ``isolated`` ignores every variable of the caller that names a server, a secret or a setting
    of ours. ``settings`` are variables of the workers that win over everything but addresses.
    ``trial`` lends T3 to an agent, to try it out; see ``mandate.stack.trial``.
    ``report`` is told what happens to children later on, one sentence each.
    """

    data_dir: Path = DATA_DIR
    temporal_port: int = TEMPORAL_PORT
    ui_port: int = UI_PORT
    vault_port: int = VAULT_PORT
    dragonfly_port: int = DRAGONFLY_PORT
    isolated: bool = False
    trial: bool = False
    workers: tuple[WorkerProcess, ...] = DEFAULT_WORKERS
    settings: Mapping[str, str] = field(default_factory=dict)
    console_port: int | None = None  # None: no console is served
    health_port: int | None = None  # of the first worker, the others follow; None: not served
    report: Callable[[str], None] = _say_nothing


def private_stack(
    data_dir: Path,
    *,
    workers: tuple[WorkerProcess, ...] = DEFAULT_WORKERS,
    settings: Mapping[str, str] | None = None,
    trial: bool = False,
    report: Callable[[str], None] = _say_nothing,
) -> StackOptions:
    """Return options of a stack that shares nothing with its surroundings: tests, demo."""
    return StackOptions(
        data_dir=data_dir,
        temporal_port=0,
        ui_port=0,
        vault_port=0,
        dragonfly_port=0,
        isolated=True,
        trial=trial,
        workers=workers,
        settings=settings or {},
        report=report,
    )
