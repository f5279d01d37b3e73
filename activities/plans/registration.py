"""Registering a catalogue's plans on the ledger, where their operator vouches for them.

The embedded stack does so at its start: whoever runs it owns the files. In ``deploy/`` a plan
is registered by a proven person. Harmless when repeated: the key is the plan's digest.
"""

from __future__ import annotations

from typing import Final

from dsl.catalogue import Catalogue
from dsl.errors import DslError
from integrations.ledger.entries import Draft
from integrations.ledger.events.reading import PLAN_REGISTERED
from integrations.ledger.ledger import Ledger

AUTHOR: Final = "embedded-stack"


async def register_catalogue(ledger: Ledger, catalogue: Catalogue) -> int:
    """Put every plan of the catalogue that compiles on the ledger; return how many there are."""
    drafts = []
    for name in catalogue.names():
        try:
            compiled = catalogue.load(name)
        except DslError:
            continue  # it cannot be run either; `mandate list` shows why
        drafts.append(
            Draft.of_no_run(
                f"plan/{compiled.digest}",
                PLAN_REGISTERED,
                {
                    "digest": compiled.digest,
                    "name": compiled.plan.name,
                    "version": compiled.plan.version,
                    "author": AUTHOR,
                    "how": "catalogue of the embedded stack",
                },
            )
        )
    await ledger.append(drafts)
    return len(drafts)
