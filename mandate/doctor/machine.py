"""What this machine must have, whatever servers are used."""

from __future__ import annotations

import platform
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from integrations.agents.sandbox import landlock
from integrations.ledger.store import wal_reset_warning
from mandate.doctor.finding import Finding, bad, good
from mandate.stack.errors import StackError
from mandate.stack.servers import binaries

PYTHON_MIN = (3, 11)
LANDLOCK_ABI_TCP = 4  # the first that governs TCP
PACKAGES = ("temporalio", "pydantic", "pyyaml", "redis", "hvac")
_PROGRAMS = {
    "temporal": binaries.temporal,
    "openbao": binaries.openbao,
    "valkey": binaries.valkey,
}


def python() -> Finding:
    """Check the interpreter."""
    found = f"Python {platform.python_version()}"
    if sys.version_info < PYTHON_MIN:
        return bad("python", found, f"use Python {'.'.join(map(str, PYTHON_MIN))} or newer")
    return good("python", found)


def sqlite() -> Finding:
    """Check the library that keeps the ledger; what to know of it is said here and nowhere else."""
    return good("sqlite", wal_reset_warning() or f"SQLite {sqlite3.sqlite_version}")


def packages() -> Finding:
    """Check that what we depend on is installed."""
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return bad("packages", f"missing: {', '.join(missing)}", "pip install mandate")
    return good("packages", ", ".join(found))


def sandbox() -> Finding:
    """Check what the kernel offers to confine agents with."""
    abi = landlock.abi()
    if abi >= LANDLOCK_ABI_TCP:
        return good("sandbox", f"Landlock ABI {abi}")
    return bad(
        "sandbox",
        f"Landlock ABI {abi}: T2 agents will not run, and TCP is not confined",
        f"boot a kernel with Landlock ABI {LANDLOCK_ABI_TCP} or newer (Linux 6.7)",
    )


def programs() -> list[Finding]:
    """Check the servers' programs; needed only where we start the servers ourselves."""
    return [_program(name) for name in _PROGRAMS]


def _program(name: str) -> Finding:
    try:
        path: Path = _PROGRAMS[name]()
    except StackError as error:
        message, _, fix = str(error).partition(": ")
        return bad("program", message, fix)
    return good("program", f"{name}: {path}")
