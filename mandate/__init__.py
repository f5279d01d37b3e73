"""The one import name this distribution installs.

An installed wheel holds the engine as ``mandate.workflows``, ``mandate.dsl`` and so on: internal,
and free to change. What others may use is `plugin`. Importing this package loads none of the rest.
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
    inherits it. Connections are opened when a worker starts, by ``MANDATE_*`` of the environment.

    Raises:
        mandate._path.ForeignModuleError: only in a checkout: a foreign ``workflows`` (or another of
            our names) is already imported.
    """
    claim()
    import worker  # noqa: PLC0415 - importable only after the claim

    made: SimplePlugin = worker.plugin()
    return made
