"""How long a workflow task keeps the worker's thread: timed where the SDK hands it to a workflow.

What the SDK's deadlock detector sees. Only what took longer than ``NOTED_MS`` is noted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.worker import UnsandboxedWorkflowRunner

NOTED_MS: Final = 10.0
FILE: Final = "activations.txt"


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest of a worker process."""

    wall_ms: float
    cpu_ms: float


def time_activations(folder: Path) -> None:
    """Note in ``folder`` what the workflow tasks of this process take, from now on."""
    create = UnsandboxedWorkflowRunner.create_instance

    def create_timed(runner: UnsandboxedWorkflowRunner, details: Any) -> Any:
        instance = create(runner, details)
        activate = instance.activate

        def timed(activation: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return activate(activation)
            finally:
                wall_ms = (time.perf_counter() - wall) * 1000
                if wall_ms > NOTED_MS:
                    cpu_ms = (time.thread_time() - cpu) * 1000
                    with (folder / FILE).open("a") as file:
                        file.write(f"{wall_ms:.1f} {cpu_ms:.1f}\n")

        setattr(instance, "activate", timed)  # noqa: B010  # a method of the SDK's
        return instance

    setattr(UnsandboxedWorkflowRunner, "create_instance", create_timed)  # noqa: B010


def longest(folder: Path) -> Longest:
    """Return the longest that were noted in ``folder`` since the last call."""
    file = folder / FILE
    rows = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    file.unlink(missing_ok=True)
    return Longest(
        wall_ms=max((float(wall) for wall, _ in rows), default=0.0),
        cpu_ms=max((float(cpu) for _, cpu in rows), default=0.0),
    )
