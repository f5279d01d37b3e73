"""What workflows may ask for in matters of trust: promotion, demotion, revocation, sweeping.

A part of ``activities.contracts``, under the same rules, in a file of its own. Who decides what:

1. Raising trust takes a *grant*: a statement that the ledger's worker has signed after it has
   checked criteria and votes itself. The trust worker takes nothing else for it.
2. Lowering trust takes the engine's word: demotion and revocation for a violation.
3. A revocation by a person takes that person's proof. Without one only the agents at work stop.
4. Every brake re-reads what it has done and answers in lines of a receipt.
5. Whoever holds an id is not thereby what it is called: what holds one is asked of the server.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from pydantic import Field

from activities.contracts.messages import Approval, Binding
from activities.contracts.specs import QUEUE, QUEUE_LEDGER, QUEUE_TRUST, ActivitySpec
from dsl.core import Tier, Value
from dsl.plan import Plan
from dsl.rules.run import reserved

PROMOTION_WORKFLOW: Final = reserved.PROMOTION
REINSTATEMENT_WORKFLOW: Final = reserved.REINSTATEMENT
REBINDING_WORKFLOW: Final = reserved.REBINDING
REVOCATION_WORKFLOW: Final = reserved.REVOCATION
SWEEP_WORKFLOW: Final = reserved.SWEEP
VIOLATION: Final = "ViolationError"  # failure type; details: one ``contracts.Violated``
NOT_PROVEN: Final = "not proven: "  # begins why a brake does not take somebody's word
READING: Final = timedelta(minutes=10)  # the ledger is verified from its first entry

PROMOTE: Final = "promote"
REINSTATE: Final = "reinstate"


class AgentName(Value):
    """One agent, by its identity."""

    agent: str


class AgentStanding(Value):
    """An agent as Vault holds it now."""

    known: bool
    entity: str = ""
    tier: Tier = Tier.T0
    disabled: bool = False


class EvidenceRequest(Value):
    """Does the ledger say that the agent may be raised, or come back?"""

    kind: str = PROMOTE
    agent: str
    to: Tier  # REINSTATE: the tier it comes back at
    held: Tier = Tier.T0  # as Vault holds it
    reason: str = ""


class Evidence(Value):
    """What the ledger says, and the gate that has to pass.

    ``inputs`` is what people are shown and sign, by digest; ``plan`` holds one gate, ``GATE``.
    """

    unmet: tuple[str, ...] = ()  # one sentence with its figure per criterion that does not hold
    card: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, Any] = Field(default_factory=dict)
    plan: Plan | None = None
    entry: int = -1  # where it is recorded that this was asked


GATE: Final = "consent"  # path of the gate in ``Evidence.plan``


class GrantRequest(Value):
    """Here is the approval: grant it."""

    kind: str = PROMOTE
    agent: str
    to: Tier
    held: Tier
    inputs: dict[str, Any]
    approval: Approval


class Granted(Value):
    """The signed statement, good for ten minutes and one change; or why there is none."""

    grant: str = ""
    refusal: str = ""
    entry: int = -1


class RebindRequest(Value):
    """Here is who vouches: grant that the agent is bound to something else."""

    agent: str
    binding: Binding
    reason: str
    proven: int  # place on the ledger where the proof stands


class ApplyRebinding(Value):
    """Bind the agent of the grant to this, which the grant names by digest."""

    grant: str
    binding: Binding


class ApplyGrant(Value):
    """Do what the grant says, and nothing else."""

    grant: str


class TierChanged(Value):
    """The tier before and now, as read back from Vault."""

    agent: str
    was: Tier
    now: Tier
    changed: bool = True  # False: it was done before, or there is nothing below


class DemoteRequest(Value):
    """One tier down, for one violation; ``key`` names it, so that a retry lowers nothing twice."""

    agent: str
    kind: str
    key: str


class RevokeRequest(Value):
    """Stop this agent everywhere.

    The epoch is the start of the asking run, which the activity asks of the server itself.
    """

    agent: str
    reason: str
    proof: str = ""  # of a person; empty: the engine's word, which an Agent run must stand behind


class ReceiptLine(Value):
    """One thing that a revocation has to bring about, and whether it was seen to be so."""

    what: str
    confirmed: bool
    detail: str = ""


class Braked(Value):
    """What one brake has done and read back."""

    lines: tuple[ReceiptLine, ...] = ()
    by: str = ""  # whose proof it was
    rotate: tuple[str, ...] = ()  # secrets handed out that Vault cannot take back
    high: bool = False  # the agent holds T3 or T4


class FoundRun(Value):
    """One run of an agent stage."""

    workflow: str
    run: str


class RunsFound(Value):
    """The runs of an agent that were told to stop."""

    agent: str
    runs: tuple[FoundRun, ...] = ()
    high: bool = False  # one of them acts at T3 or T4
    reason: str = ""


class HolderRequest(Value):
    """What runs under that workflow id?"""

    workflow: str


class Holder(Value):
    """What runs under a workflow id, in the server's words, made harmless; empty: nothing does."""

    type: str = ""
    queue: str = ""
    parent: str = ""  # workflow id of what started it
    run: str = ""  # the run id of what holds it

    def __str__(self) -> str:
        """Return it for people to read."""
        return f"a workflow of type {self.type} on queue {self.queue}"


class LiftRequest(Value):
    """Let Dragonfly know that the agent is back, under the epoch of the grant."""

    grant: str


class SweepRequest(Value):
    """Look at every token that agents were given."""


class Swept(Value):
    """How many were looked at, and what was left of runs that are over."""

    tokens: int = 0
    leases: int = 0
    stuck: int = 0  # leases past their end that Vault could not end yet
    revoked: tuple[str, ...] = ()  # accessors; each opens nothing
    skipped: int = 0  # beyond the limit of one sweep, or not to be judged now


class CloseRequest(Value):
    """Look at every run and stage that has begun on the ledger and not ended there."""


class Closed(Value):
    """How many are over, and now ended on the ledger."""

    ended: int = 0
    skipped: int = 0  # the server did not say


# On mandate-ledger
evidence = ActivitySpec(
    "ledger.evidence", EvidenceRequest, Evidence, queue=QUEUE_LEDGER, timeout=READING
)
grant = ActivitySpec("ledger.grant", GrantRequest, Granted, queue=QUEUE_LEDGER, timeout=READING)
grant_rebinding = ActivitySpec("ledger.rebind", RebindRequest, Granted, queue=QUEUE_LEDGER)
record_revocation = ActivitySpec("ledger.revoke", RevokeRequest, Braked, queue=QUEUE_LEDGER)
close_runs = ActivitySpec(
    "ledger.close", CloseRequest, Closed, queue=QUEUE_LEDGER, timeout=timedelta(minutes=5)
)

# On mandate-trust, each as the identity that may
inspect = ActivitySpec("trust.inspect", AgentName, AgentStanding, queue=QUEUE_TRUST)
promote = ActivitySpec("trust.promote", ApplyGrant, TierChanged, queue=QUEUE_TRUST)
rebind = ActivitySpec("trust.rebind", ApplyRebinding, TierChanged, queue=QUEUE_TRUST)
demote = ActivitySpec("trust.demote", DemoteRequest, TierChanged, queue=QUEUE_TRUST)
reinstate = ActivitySpec("trust.reinstate", ApplyGrant, TierChanged, queue=QUEUE_TRUST)
lift_guard = ActivitySpec("trust.lift", LiftRequest, Braked, queue=QUEUE_TRUST)
revoke_identity = ActivitySpec("revoke.identity", RevokeRequest, Braked, queue=QUEUE_TRUST)
revoke_guard = ActivitySpec("revoke.guard", RevokeRequest, Braked, queue=QUEUE_TRUST)
stop_runs = ActivitySpec("revoke.runs", RevokeRequest, RunsFound, queue=QUEUE_TRUST)
confirm_runs = ActivitySpec("revoke.runs-over", RunsFound, Braked, queue=QUEUE_TRUST)
sweep = ActivitySpec(
    "trust.sweep", SweepRequest, Swept, queue=QUEUE_TRUST, timeout=timedelta(minutes=5)
)

# On mandate, of the server
holder = ActivitySpec("engine.holder", HolderRequest, Holder, queue=QUEUE)
NONCE: Final = "engine.nonce"  # local: no history holds it before it is used

# On mandate and mandate-t3, where agents run
confirm_processes = ActivitySpec("agent.processes", AgentName, Braked)
