"""A worker that stands still where it is told to, to be struck there; otherwise an ordinary one.

A stage stands still when it has entered a phase for the first time and a file of the folder
``holds``, beside the data directory, bears its workflow's id and that phase: it holds its lease
then, and history does not know the phase yet. It says so by a second file, and goes on when the
first is gone.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from temporalio import activity

from integrations.dragonfly.leases import Lease, Leases
from mandate._entry import run_main
from mandate._path import claim

HOLDS: Final = "holds"
HELD: Final = ".held"
LOOK_EVERY_S: Final = 0.02


def hold_file(folder: Path, workflow_id: str, phase: str) -> Path:
    """Return the file that holds a stage in a phase."""
    return folder / f"{workflow_id.replace('/', '~')}.{phase}"


def hold(folder: Path) -> None:
    """Let stages stand still as the files in ``folder`` say."""
    acquire = Leases.acquire

    async def acquire_and_hold(self: Leases, **terms: Any) -> Lease:
        lease = await acquire(self, **terms)
        step = terms.get("step")
        if step is not None and step.op_id.endswith(f"/{step.name}#1"):
            order = hold_file(folder, activity.info().workflow_id or "", step.name)
            if order.exists():
                order.with_name(order.name + HELD).touch()
                while order.exists():  # noqa: ASYNC110  # another process removes it
                    await asyncio.sleep(LOOK_EVERY_S)
        return lease

    setattr(Leases, "acquire", acquire_and_hold)  # noqa: B010


def main() -> object:
    """Serve, as ``worker.py`` does."""
    claim()
    import worker  # noqa: PLC0415 - importable only after the claim

    hold(Path(sys.argv[sys.argv.index("--data-dir") + 1]).parent / HOLDS)
    return worker.serve()


if __name__ == "__main__":
    run_main(main)
