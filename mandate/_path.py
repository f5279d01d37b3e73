"""Where our folders lie, and how a process comes to import them.

1. Installed, they are packages of ``mandate`` (``mandate.workflows``): the wheel is built so, see
   ``deploy/wheel.py``. Nothing has to be claimed, and no name of anybody else's is taken.
2. In a checkout they lie at the repository root under generic names. They go *first* on
   ``sys.path`` because other distributions own some of the same names (``llama-index-workflows``
   installs ``workflows``). Once such a foreign module is loaded it cannot be replaced without
   breaking its owner: that is refused, by name, before anything is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

OURS = ("activities", "dsl", "integrations", "worker", "workflows")


class ForeignModuleError(ImportError):
    """Another distribution's module stands where one of ours must be imported."""


def is_installed() -> bool:
    """Tell whether we were installed, and do not run from a checkout (1)."""
    return (_here() / "worker.py").is_file()


def app_dir() -> Path:
    """Return the directory that holds ``worker.py`` and our folders."""
    return _here() if is_installed() else _here().parent


def worker_command() -> tuple[str, ...]:
    """Return how to start ``worker.py`` as a process of its own."""
    if is_installed():
        # Started by its path it would put our folder on the path, and find everything twice.
        return (sys.executable, "-P", "-m", "mandate.worker")
    return (sys.executable, str(app_dir() / "worker.py"))


def own_command() -> tuple[str, ...]:
    """Return how to start ``mandate`` as a process of its own."""
    return (sys.executable, *(("-P",) if is_installed() else ()), "-m", "mandate")


def claim() -> None:
    """Make our folders importable in this process (2); doing it twice is harmless.

    Raises:
        ForeignModuleError: one of our names is taken by somebody else's module.
    """
    if is_installed():
        return
    ours = app_dir()
    for name in OURS:
        place = _place(name)
        if place is not None and not place.is_relative_to(ours):
            raise ForeignModuleError(
                f"module {name!r} is already loaded from {place}, but this checkout of mandate "
                "needs its own: install mandate as a wheel, which takes no such name "
                "(pip install ., not --editable), or run it in its own process"
            )
    if sys.path[:1] != [str(ours)]:
        sys.path.insert(0, str(ours))


def _here() -> Path:
    return Path(__file__).resolve().parent


def _place(name: str) -> Path | None:
    """Return the folder or file a loaded module came from, None when it is not loaded."""
    module = sys.modules.get(name)
    if module is None:
        return None
    # A namespace package has no file; a module built by hand has neither.
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return Path(next((place for place in places if place), f"<{name}>")).resolve()
