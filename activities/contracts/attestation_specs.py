"""What is asked of the ledger's worker where evidence of a run is to be put together.

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
