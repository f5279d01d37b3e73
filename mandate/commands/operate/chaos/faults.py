"""``mandate chaos faults``."""

from __future__ import annotations

from mandate.cli_options import end


def command() -> None:
    """List every fault: what it may be done to, and in which phases."""
    from mandate.work.chaos import faults

    end(faults.run())
