"""Which hooks are served: those of the systems that are set up to tell us something.

A system that nobody has set up (nothing of it in the file of ``MANDATE_NOTIFY``) has no hook, and
what is sent there finds nothing. How one is made stands in ``integrations.web.hooks``.
"""

from __future__ import annotations

from integrations.web.hooks import Hook
from mandate.console.doors import Doors


def hooks_of(doors: Doors) -> tuple[Hook, ...]:
    """Return the hooks that are set up."""
    return doors.hooks()
