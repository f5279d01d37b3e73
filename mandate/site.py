"""The site that a command means, and what it would not run, said before anything is started.

1. A site is known where its variables say how its gates know voters: those of an embedded stack
   do, and whoever types beside a worker of their own may say so. Of a server far away nobody here
   knows what its workers have, and they alone refuse.
2. It is asked what its worker asks: see ``activities.plans.fitness``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dsl.compiler import Compiled
from dsl.notify.site_file import SiteFile
from mandate import catalogue

NOT_HERE: Final = "{}: it is not started here: {}"


def not_started_here(
    compiled: Compiled, inputs: Mapping[str, Any], env: Mapping[str, str]
) -> list[str]:
    """Return what is in the way of such a run, line by line; nothing of an unknown site (1)."""
    identity = env.get("MANDATE_GATE_IDENTITY", "")
    if not identity:
        return []
    # More than a document takes whose site nobody knows.
    from activities.contracts.messages import Policy  # noqa: PLC0415
    from activities.plans.fitness import Site, fitted  # noqa: PLC0415

    destinations = env.get("MANDATE_NOTIFY", "")
    site = Site(
        catalogue.programs(env),
        catalogue.servers(env),
        SiteFile(Path(destinations) if destinations else None),
    )
    # (2) what its worker asks
    return fitted(compiled, inputs, site, Policy(gate_identity=identity)).problems.splitlines()
