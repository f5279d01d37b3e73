"""Which hooks are served: a line for each system that is told something, where it is set up.

A system that nobody has set up (no secret in the environment) has no hook, and what is sent there
finds nothing. How one is made stands in ``integrations.web.hooks``.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.web.engine import RunEngine
from integrations.web.hooks import Hook


def hooks_of(_env: Mapping[str, str], _engine: RunEngine) -> tuple[Hook, ...]:
    """Return the hooks that the environment sets up."""
    return ()
