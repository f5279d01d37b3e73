"""Running our own entry points as a person does: in a process of their own."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
_OURS = ("TEMPORAL_", "VAULT_", "BAO_", "MANDATE_")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a process gets: this one's variables without any that name a server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(extra or {})}


def mandate(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``mandate`` with ``arguments`` to its end; see ``tests.unit.mandate.ready``."""
    words = [*map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        said = {name: Path(folder) / name for name in ("stdout", "stderr")}
        for file in said.values():
            file.touch()
        order = {
            **{name: str(file) for name, file in said.items()},
            "arguments": words,
            "cwd": str(cwd),
            "env": environment(env),
        }
        code = _ordered(order)
        texts = {name: file.read_text("utf-8") for name, file in said.items()}
    return subprocess.CompletedProcess(["mandate", *words], code, **texts)


def _ordered(order: Mapping[str, Any]) -> int:
    ready = _ready()
    assert ready.stdin is not None
    assert ready.stdout is not None
    try:
        ready.stdin.write(f"{json.dumps(order)}\n")
        ready.stdin.flush()
        return int(ready.stdout.readline())
    except BaseException:  # a test that was given up: its answer is not the next one's
        _ready.cache_clear()
        ready.kill()
        raise


@cache
def _ready() -> subprocess.Popen[str]:
    """Return the process that runs commands, started once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.mandate.ready"],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def end() -> None:
        with process:
            process.kill()

    atexit.register(end)
    return process
