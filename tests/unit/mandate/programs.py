"""Running our own entry points as a person does: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_OURS = ("TEMPORAL_", "VAULT_", "BAO_", "MANDATE_")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process gets: this one's variables without any that name a server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(extra or {})}


def mandate(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``mandate`` with ``arguments`` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mandate", *map(str, arguments)],
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
