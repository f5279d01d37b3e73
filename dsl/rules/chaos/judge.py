"""Every oracle, asked of one look at the stores.

An oracle is a file in ``oracles`` and a line here; a test demands a mutation of each, by which it
was seen to speak (docs/extending.md).
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from dsl.limits import PROBLEMS_MAX
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Objection, Oracle

ORACLES: Final[tuple[Oracle, ...]] = ()


def judge(evidence: Evidence) -> list[Objection]:
    """Return everything that did not hold, at most ``PROBLEMS_MAX`` of each oracle."""
    return [
        Objection(oracle.name, found.expected, found.found, found.where)
        for oracle in ORACLES
        for found in islice(oracle.look(evidence), PROBLEMS_MAX)
    ]
