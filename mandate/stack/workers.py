"""Our own processes: which there are, and which task queues each one serves.

They are separate because their Vault identities are: the one that runs phases cannot register
or promote an agent, only the one of T3 and T4 mints for these, and only one process ever writes
the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mandate._path import worker_command

if TYPE_CHECKING:  # `mandate up` names its defaults in --help, which starts no process
    from mandate.stack.process import Child, Command

READY_LINE = "worker ready:"
START_TIMEOUT_S = 60.0  # four interpreters load the SDK at once
STOP_TIMEOUT_S = 20.0  # running activities get their chance to end
# What only our own workers are told: the shipped pipelines count as registered here.
SETTINGS = {"MANDATE_REGISTER_CATALOGUE": "1"}


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """One process; ``program`` replaces ``worker.py`` in tests of the supervisor."""

    name: str
    queues: tuple[str, ...]
    program: tuple[str, ...] = ()


# The ledger first: the others record through it.
DEFAULT_WORKERS = (
    WorkerProcess("ledger", ("mandate-ledger",)),
    WorkerProcess("trust", ("mandate-trust",)),
    WorkerProcess("t3", ("mandate-t3",)),
    WorkerProcess("worker", ("mandate",)),
)

# Where the caller names a file of destinations.
NOTIFY = WorkerProcess("notify", ("mandate-notify",))


def command(
    process: WorkerProcess, data_dir: Path, env: dict[str, str], health_port: int | None = None
) -> Command:
    """Return how to start ``process``; it is ready when it says so on stdout.

    ``health_port`` is where it serves its health, if anywhere.
    """
    from mandate.stack.process import Command  # noqa: PLC0415 - where one is started

    served = {} if health_port is None else {"MANDATE_HEALTH_PORT": str(health_port)}
    # The data directory stands in the arguments for whoever looks at `ps`.
    program = process.program or worker_command()

    async def ready(child: Child) -> bool:
        return any(line.startswith(READY_LINE) for line in child.output().splitlines())

    return Command(
        name=process.name,
        argv=(*program, "--data-dir", str(data_dir)),
        env={**env, **served, "MANDATE_QUEUES": ",".join(process.queues), "PYTHONUNBUFFERED": "1"},
        log=data_dir / "logs" / f"{process.name}.log",
        ready=ready,
        start_timeout_s=START_TIMEOUT_S,
        stop_timeout_s=STOP_TIMEOUT_S,
    )
