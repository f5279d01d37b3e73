"""``mandate worker``: one of our workers, as a service manager or a container starts it."""

from __future__ import annotations

import os

from mandate._path import worker_command


def command() -> None:
    """Run one worker against the servers of the environment; MANDATE_QUEUES says which."""
    words = worker_command()
    # The same pid: signals and exit codes are the worker's own.
    os.execv(words[0], words)  # noqa: S606 - no shell
