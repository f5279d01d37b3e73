"""What is asked of Vault ahead of an approval, as it crosses the boundary."""

from __future__ import annotations

from dsl.core import Value


class GateRequest(Value):
    """Ask Vault, ahead of the approval, for what the T3 stages behind a gate will read."""

    plan: str  # digest
    gate: str
    opening: int
    ttl_ms: int
    authors: tuple[str, ...] = ()  # proofs


class FiledRequest(Value):
    """One request that waits in Vault for a person's authorisation; opens nothing by itself."""

    stage: str
    agent: str
    place: str  # mount/path
    accessor: str


class GateRequested(Value):
    """What was filed, and whether this Vault holds it back until it is authorised."""

    enforced: bool
    detail: str = ""
    filed: tuple[FiledRequest, ...] = ()


class GateWithdrawn(Value):
    """How many requests were taken back."""

    requests: int = 0
