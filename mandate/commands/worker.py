"""``mandate worker``: one of our workers, as a service manager or a container starts it."""

from __future__ import annotations

import os
import sys

from mandate._path import app_dir


def run() -> None:
    """Become ``worker.py``: same pid, so that signals and exit codes are the worker's own."""
    os.execv(sys.executable, [sys.executable, str(app_dir() / "worker.py")])  # noqa: S606 - no shell
