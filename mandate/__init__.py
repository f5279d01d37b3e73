"""The one import name this distribution installs.

The engine itself (``workflows``, ``activities``, ``dsl``, ``integrations``, ``worker``) is an
application: those generic names are importable only inside our own processes, or inside a
worker of yours that asked for it by calling `plugin`. Importing this package loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mandate._path import claim

if TYPE_CHECKING:
    from temporalio.plugin import SimplePlugin

__all__ = ["__version__", "plugin"]
__version__ = "0.1.0"


def plugin() -> SimplePlugin:
    """Return the plugin that makes a worker of yours run pipelines.

    Give it once, to ``Client.connect(plugins=[mandate.plugin()])``; every worker of that client
    inherits it. Our folders are put first on ``sys.path`` for the whole process.

    Raises:
        mandate._path.ForeignModuleError: another distribution's ``workflows`` (or another of our
            names) is already imported; call this first, or run ``mandate up`` as its own process.
    """
    claim()
    import worker  # noqa: PLC0415 - importable only after the claim

    made: SimplePlugin = worker.plugin()
    return made
