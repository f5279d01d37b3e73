"""What is asked of the ledger's worker about runs that are over.

Evidence, whether all agrees, and what of one may be reused by another.

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from pydantic import Field

from activities.contracts.specs import QUEUE_LEDGER, ActivitySpec
from dsl.core import AgentOutput, Value
from dsl.limits import WORKFLOW_ID_BYTES_MAX
from dsl.rules.run import reserved
from dsl.rules.run.reuse import Wanted
from dsl.values.canonical import DIGEST_PATTERN
from dsl.values.sizes import Sentence

ATTESTATION_WORKFLOW: Final = reserved.ATTESTATION
UNKNOWN_RUN: Final = "UnknownRun"  # type of the failure where Temporal does not know the run


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


class EarlierRun(Value):
    """A run that another one resumes; without ``run`` the latest of that workflow id."""

    workflow: str = Field(min_length=1, max_length=WORKFLOW_ID_BYTES_MAX)
    run: str = Field(default="", max_length=100)


class ResumeRequest(Value):
    """May the asking run, of that pipeline, reuse what this one has packaged?"""

    earlier: EarlierRun
    pipeline: str


class Resumed(Value):
    """It may, and the ledger says so at ``entry``; or why it may not."""

    refusal: Sentence = ""
    earlier: EarlierRun | None = None
    entry: int = -1
    untold: Sentence = ""  # why its history and the ledger could not be compared; empty: they agree


class ReuseRequest(Value):
    """What has the run that entry ``resumed`` names packaged for a stage that is about to begin?"""

    resumed: int
    wanted: Wanted


class Reused(Value):
    """What stands for the stage, as the ledger says at ``entry``; or why nothing does."""

    refusal: Sentence = ""
    entry: int = -1
    output: dict[str, Any] = Field(default_factory=dict)
    outputs: tuple[AgentOutput, ...] = ()


resume = ActivitySpec(
    "ledger.resume", ResumeRequest, Resumed, queue=QUEUE_LEDGER, timeout=timedelta(minutes=5)
)
reuse = ActivitySpec("ledger.reuse", ReuseRequest, Reused, queue=QUEUE_LEDGER)
