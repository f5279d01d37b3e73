"""The ledger's chain holds, every acknowledged entry is there once, and history and ledger agree.

What that means is said by ``dsl.rules.reconciliation``, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dsl.rules.chaos.evidence import Evidence
from dsl.rules.chaos.objection import Finding, Oracle
from dsl.rules.reconciliation.chain import broken
from dsl.rules.reconciliation.reconcile import reconcile


def _chain(evidence: Evidence) -> Iterator[Finding]:
    for each in broken(evidence.ledger):
        yield Finding(each.expected, each.found, each.where)


def _agreement(evidence: Evidence) -> Iterator[Finding]:
    for each in reconcile(evidence.histories, evidence.ledger, evidence.namespace):
        yield Finding(each.expected, each.found, each.where)


CHAIN: Final = Oracle(
    "ledger-chain", "The ledger's chain holds, and every key is there once.", _chain
)
AGREEMENT: Final = Oracle(
    "ledger-agreement", "What history implies is on the ledger, and the reverse.", _agreement
)
