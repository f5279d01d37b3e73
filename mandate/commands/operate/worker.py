"""``mandate worker``: one of our workers, as a service manager or a container starts it."""

from __future__ import annotations

import os

from mandate._path import worker_command


def run() -> None:
    """Become ``worker.py``: same pid, so that signals and exit codes are the worker's own."""
    command = worker_command()
    os.execv(command[0], command)  # noqa: S606 - no shell
