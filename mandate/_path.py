"""Where our folders lie, and how a process comes to import them.

In a checkout they lie at the repository root, in an installed wheel under ``mandate/_app``. They
go *first* on ``sys.path`` because other distributions own some of the same generic names
(``llama-index-workflows`` installs ``workflows``). Once such a foreign module is loaded it cannot
be replaced without breaking its owner: that is refused, by name, before anything is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path

OURS = ("activities", "dsl", "integrations", "worker", "workflows")


class ForeignModuleError(ImportError):
    """Another distribution's module stands where one of ours must be imported."""


def app_dir() -> Path:
    """Return the directory that holds ``worker.py`` and our folders."""
    here = Path(__file__).resolve().parent
    bundled = here / "_app"
    return bundled if bundled.is_dir() else here.parent


def claim() -> Path:
    """Put `app_dir` first on the path of this process and return it; doing it twice is harmless.

    Raises:
        ForeignModuleError: one of our names is taken by somebody else's module.
    """
    ours = app_dir()
    for name in OURS:
        place = _place(name)
        if place is not None and not place.is_relative_to(ours):
            raise ForeignModuleError(
                f"module {name!r} is already loaded from {place}, but mandate needs its own: "
                "call mandate.plugin() before that import, or run mandate in its own process"
            )
    if sys.path[:1] != [str(ours)]:
        sys.path.insert(0, str(ours))
    return ours


def _place(name: str) -> Path | None:
    """Return the folder or file a loaded module came from, None when it is not loaded."""
    module = sys.modules.get(name)
    if module is None:
        return None
    # A namespace package has no file; a module built by hand has neither.
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return Path(next((place for place in places if place), f"<{name}>")).resolve()
