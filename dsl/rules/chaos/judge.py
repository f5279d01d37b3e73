"""Every oracle, asked of one look at the stores.

An oracle is a file in ``oracles`` and a line here; a test demands a mutation of each, by which it
was seen to speak (docs/extending.md).
"""

from __future__ import annotations

from itertools import islice
from typing import Final

from dsl.limits import PROBLEMS_MAX
from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Objection
from dsl.rules.chaos.oracles.approvals import APPROVALS
from dsl.rules.chaos.oracles.budgets import BUDGETS
from dsl.rules.chaos.oracles.credentials import CREDENTIALS
from dsl.rules.chaos.oracles.endings import ENDINGS
from dsl.rules.chaos.oracles.leases import LEASES
from dsl.rules.chaos.oracles.ledger import AGREEMENT, CHAIN
from dsl.rules.chaos.oracles.leftovers import LEFTOVERS
from dsl.rules.chaos.oracles.objective import OBJECTIVE
from dsl.rules.chaos.oracles.phase_order import PHASE_ORDER
from dsl.rules.chaos.oracles.replays import REPLAYS
from dsl.rules.chaos.oracles.revocations import REVOCATIONS
from dsl.rules.chaos.oracles.tool_calls import TOOL_CALLS

ORACLES: Final = (
    APPROVALS,
    TOOL_CALLS,
    PHASE_ORDER,
    LEASES,
    CREDENTIALS,
    REVOCATIONS,
    BUDGETS,
    CHAIN,
    AGREEMENT,
    REPLAYS,
    ENDINGS,
    LEFTOVERS,
    OBJECTIVE,
)


def judge(evidence: Evidence) -> list[Objection]:
    """Return everything that did not hold, at most ``PROBLEMS_MAX`` of each oracle."""
    return [
        Objection(oracle.name, found.expected, found.found, found.where)
        for oracle in ORACLES
        for found in islice(oracle.look(evidence), PROBLEMS_MAX)
    ]
