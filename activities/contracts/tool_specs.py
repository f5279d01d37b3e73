"""How a call of a tool travels: from the agent's activity to its workflow, people and the server.

Whoever may write to the namespace can send messages, so none is believed for what it says
(docs/adr/0048):

1. EXECUTE hands a call to its own workflow as the update ``tool_call``. It shows the next link of
   a chain that only this attempt has (``dsl.rules.tools.chain``); the head of it is read by
   ``tool.chain`` from the server's record of the activity, which only a worker can write.
2. What people are to decide on stays with the agent's workflow. The signal ``called`` has its run
   look: ``tool.waiting`` asks that workflow by the query ``calls``.
3. What they have decided stays with the run. The signal ``decided`` has the agent's workflow look:
   ``tool.decisions`` asks the run by the query ``decisions``.
4. ``tool.call`` makes the call, on no word but what is in its request, and says what became of it.
   At T3 and T4 that holds what its worker verifies again: the stage with its warrant, and the votes
   on this one call (``activities.phases.tools.proven_calls``). Up to T2 its intent may be handed
   along, to be put on the ledger first where that is written beside (``activities.tools.intents``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from activities.contracts.messages import Approval, PhaseRequest, RecordRequest, RecordResult
from activities.contracts.question_specs import AsksRequest
from activities.contracts.specs import ActivitySpec
from dsl.core import Tier, Value
from dsl.limits import (
    TOOL_CALLS_ASKED_MAX,
    TOOL_MESSAGE_BYTES_MAX,
    TOOL_PURPOSE_LENGTH_MAX,
    TOOL_RULES_MAX,
)
from dsl.rules.tools.calls import Occurrence
from dsl.rules.tools.chain import LINK_PATTERN
from dsl.rules.tools.journal import CallAnswer
from dsl.steps.tools import KnownTool
from dsl.values.sizes import Sentence, wire_bytes

CALL: Final = "tool_call"
CALLED: Final = "called"
DECIDED: Final = "decided"
CALLS: Final = "calls"
DECISIONS: Final = "decisions"

Link = Annotated[str, Field(pattern=LINK_PATTERN)]


class CallMessage(Value):
    """A call, in the words of the agent, and the link that shows whose it is (1)."""

    link: Link
    ordinal: int = Field(ge=1, le=TOOL_CALLS_ASKED_MAX)
    server: str
    tool: str
    arguments: dict[str, Any]
    purpose: str = Field(default="", max_length=TOOL_PURPOSE_LENGTH_MAX)
    refused: Sentence = ""  # why it is none, where its activity could not hand it over as it is

    @model_validator(mode="after")
    def _is_sized(self) -> CallMessage:
        """Refuse what would stand in history before anybody could deny it."""
        size = wire_bytes(self)
        if size > TOOL_MESSAGE_BYTES_MAX:
            raise ValueError(
                f"the call has {size} bytes, and {TOOL_MESSAGE_BYTES_MAX} is the limit: put what "
                "is large into a file, and name it"
            )
        return self


class ChainHead(Value):
    """The head of the chain of the attempt of EXECUTE that is under way; it tells it so."""

    chain: Link


class ChainFound(Value):
    """What was found of it; empty: there is none."""

    chain: str = ""


class WaitingCall(Value):
    """A call that people are to decide on, with all that they are shown."""

    occurrence: Occurrence
    rule: int = Field(ge=1, le=TOOL_RULES_MAX)
    why: Sentence
    kind: Literal["approve", "outcome"] = "approve"  # may it be made? was it made?

    def digest(self) -> str:
        """Return what a decision on it is bound to."""
        asks_outcome = self.kind == "outcome"
        return self.occurrence.outcome_digest() if asks_outcome else self.occurrence.digest()


class Waiting(Value):
    """All calls of a stage that wait for people."""

    calls: tuple[WaitingCall, ...] = ()


class CallDecision(Value):
    """What people have decided on a call."""

    digest: str  # of what they were shown
    gate: str
    is_approved: bool
    detail: Sentence = ""
    answer: str = ""  # whether it was made, where that was asked
    at_ms: int = 0
    approval: Approval | None = None  # the votes, where all of them are proven


class DecisionsRequest(Value):
    """On which calls of a stage the decisions are asked; the run is the server's word.

    Those that wait and no others: all of them, each time, would fill the history.
    """

    stage: str
    digests: tuple[str, ...] = Field(default=(), max_length=TOOL_CALLS_ASKED_MAX)


class Decisions(Value):
    """All decisions on calls of a stage."""

    decisions: tuple[CallDecision, ...] = ()


class CallRequest(Value):
    """One call that was let through."""

    occurrence: Occurrence
    digest: str  # that was decided on
    agent: str
    entity: str
    tier: Tier
    good_until_ms: int = 0  # an approval's end; 0: nobody was asked
    stage: PhaseRequest | None = None  # T3 and T4 only, as this
    approval: Approval | None = None  # of this one call; None: nobody was asked
    # Its intent; None: it is on the ledger.
    record: RecordRequest | None = Field(default=None, exclude_if=lambda record: record is None)


class CallMade(Value):
    """What became of it."""

    answer: CallAnswer
    took_ms: int = Field(default=0, ge=0)
    # Where the intent stands that was handed along; None: none was, or nobody knows.
    recorded: RecordResult | None = Field(default=None, exclude_if=lambda found: found is None)


# The server's own timeout comes on top, see ``limit``.
_AROUND: Final = timedelta(minutes=3)

chain = ActivitySpec("tool.chain", AsksRequest, ChainFound)
waiting = ActivitySpec("tool.waiting", AsksRequest, Waiting)
decisions = ActivitySpec("tool.decisions", DecisionsRequest, Decisions)
call = ActivitySpec("tool.call", CallRequest, CallMade)


def limit_of(tool: KnownTool) -> timedelta:
    """Return how long one attempt of a call may take: its start and its list are not the call."""
    return _AROUND + timedelta(milliseconds=tool.timeout_ms)
