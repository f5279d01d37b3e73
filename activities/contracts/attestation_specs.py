"""What is asked of the ledger's worker about runs that are over: evidence, and whether all agrees.

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import Field

from activities.contracts.specs import QUEUE_LEDGER, ActivitySpec
from dsl.core import Value
from dsl.limits import WORKFLOW_ID_BYTES_MAX
from dsl.rules.run import reserved
from dsl.values.canonical import DIGEST_PATTERN

ATTESTATION_WORKFLOW: Final = reserved.ATTESTATION


class AttestRequest(Value):
    """Of which run; without ``run`` the latest of that workflow id."""

    workflow: str = Field(min_length=1, max_length=WORKFLOW_ID_BYTES_MAX)
    run: str = Field(default="", max_length=100)


class Attested(Value):
    """The bundle, in the artefact store, and what it covers."""

    digest: str = Field(pattern=DIGEST_PATTERN)
    size: int
    entries: int
    histories: int
    checkpoint: int  # entries of the ledger under the note


attest = ActivitySpec(
    "ledger.attest", AttestRequest, Attested, queue=QUEUE_LEDGER, timeout=timedelta(minutes=2)
)

RECONCILE_WORKFLOW: Final = reserved.RECONCILE
DISPUTED_MAX: Final = 100  # that one look tells
DISPUTE_LENGTH_MAX: Final = 1_000  # characters


class ReconcileRequest(Value):
    """Which runs: those that ended after this moment, milliseconds since 1970."""

    since_ms: int = Field(default=0, ge=0)


class Dispute(Value):
    """A run whose history and ledger do not agree, and where first."""

    workflow: str
    run: str
    count: int  # of places
    first: str = Field(max_length=DISPUTE_LENGTH_MAX)


class Reconciled(Value):
    """What one look came to."""

    until_ms: int  # the next look begins here
    compared: int
    skipped: int  # could not be compared, or were too many
    disputed: tuple[Dispute, ...] = Field(default=(), max_length=DISPUTED_MAX)


reconcile = ActivitySpec(
    "ledger.reconcile",
    ReconcileRequest,
    Reconciled,
    queue=QUEUE_LEDGER,
    timeout=timedelta(minutes=30),
)
