"""Every fault there is: what it may be done to, whether it lasts, and how a run may end after it.

1. A fault strikes the whole stack, or one run of the experiment. What strikes the stack strikes
   all runs that are under way, so one of them is enough for many runs at once.
2. A fault that lasts is undone after its time; any other happens in a moment.
3. A target is a name of ours. No address and no pid is one: an experiment touches what was
   started for it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dsl.core import AGENT_PHASES_ORDERED, AgentPhase, ChaosCondition


class Reach(StrEnum):
    """What a fault strikes (1)."""

    STACK = "stack"
    RUN = "run"


class Ends(StrEnum):
    """How a run that was struck may end, where governance held."""

    COMPLETES = "completes"
    FAILS = "fails"
    EITHER = "either"


AGENTS: Final = ("python", "typescript", "diagnostic")  # names of the objective's stages
GATE: Final = "review"
TOOLS: Final = "register"  # the tool server that the last of the agents calls
_WORKERS: Final = ("worker", "trust", "t3")
_WORK: Final = (AgentPhase.EXECUTE,)  # the phase in which a program runs


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault; ``targets`` are what it may be done to, the usual one first."""

    says: str
    targets: tuple[str, ...]
    reach: Reach = Reach.STACK
    lasts: bool = False  # (2) undone after its time
    phases: tuple[AgentPhase, ...] = AGENT_PHASES_ORDERED
    agents: tuple[str, ...] = AGENTS  # in whose stage it can strike
    ends: Ends = Ends.COMPLETES


def _of_tools(says: str, *, lasts: bool = False) -> FaultKind:
    return FaultKind(says, (TOOLS,), Reach.RUN, lasts, phases=_WORK, agents=AGENTS[-1:])


_C = ChaosCondition
_RUN, _GATE = ("run",), (GATE,)

FAULTS: Final[Mapping[ChaosCondition, FaultKind]] = {
    _C.WORKER_DEATH: FaultKind("kill -9 of a worker", _WORKERS),
    _C.WORKER_PAUSE: FaultKind("SIGSTOP of a worker, and SIGCONT", _WORKERS, lasts=True),
    _C.STALE_FENCE: FaultKind(
        "a worker is stopped, loses its leases, and wakes up", ("worker",), lasts=True
    ),
    _C.AGENT_CRASH: FaultKind("kill -9 of an agent's program", AGENTS, Reach.RUN, phases=_WORK),
    _C.AGENT_HANG: FaultKind(
        "SIGSTOP of an agent's program, and SIGCONT", AGENTS, Reach.RUN, lasts=True, phases=_WORK
    ),
    _C.AGENT_FLOOD: FaultKind(
        "an agent says more than anybody reads", AGENTS, Reach.RUN, phases=_WORK, ends=Ends.EITHER
    ),
    _C.BUDGET_SPENT: FaultKind(
        "an agent errs more often than it may", AGENTS, Reach.RUN, phases=_WORK, ends=Ends.EITHER
    ),
    _C.CLOCK_SKEW: FaultKind(
        "an agent lives by a clock of another year", AGENTS, Reach.RUN, phases=_WORK
    ),
    _C.STORE_OUTAGE: FaultKind("kill -9 of Dragonfly; it comes back empty", ("dragonfly",)),
    _C.STORE_FROZEN: FaultKind("SIGSTOP of Dragonfly, and SIGCONT", ("dragonfly",), lasts=True),
    _C.STATE_LOSS: FaultKind("Dragonfly loses everything it held", ("dragonfly",)),
    _C.STORE_SLOW: FaultKind("Dragonfly answers late", ("dragonfly",), lasts=True),
    _C.STORE_RESET: FaultKind("connections to Dragonfly are reset", ("dragonfly",), lasts=True),
    _C.STORE_CUT: FaultKind("an answer of Dragonfly is cut off", ("dragonfly",), lasts=True),
    _C.VAULT_SEALED: FaultKind("Vault is sealed", ("vault",), lasts=True),
    _C.VAULT_FROZEN: FaultKind("SIGSTOP of Vault, and SIGCONT", ("vault",), lasts=True),
    _C.LEDGER_DEATH: FaultKind("kill -9 of the ledger's writer", ("ledger",)),
    _C.LEDGER_FULL: FaultKind("no room on the ledger's disk", ("ledger",), lasts=True),
    _C.LEDGER_LOCKED: FaultKind("somebody locks the ledger's file", ("ledger",), lasts=True),
    _C.ENGINE_DEATH: FaultKind("kill -9 of the Temporal server", ("temporal",)),
    _C.VOTE_EARLY: FaultKind("a vote before its gate is open", _GATE, Reach.RUN),
    _C.VOTE_DUPLICATE: FaultKind("a vote that comes again and again", _GATE, Reach.RUN),
    _C.VOTE_FORGED: FaultKind("a vote of somebody who may not vote", _GATE, Reach.RUN),
    _C.VOTE_MALFORMED: FaultKind("a vote that is none", _GATE, Reach.RUN),
    _C.SIGNAL_UNKNOWN: FaultKind("signals that nobody knows", _RUN, Reach.RUN),
    _C.LOCK_LOSS: FaultKind("the lock of an agent is gone", AGENTS, Reach.RUN),
    _C.LEASE_EXPIRY: FaultKind("the lease of an agent runs out at once", AGENTS, Reach.RUN),
    _C.REVOCATION: FaultKind("an agent is revoked", AGENTS, Reach.RUN, ends=Ends.EITHER),
    _C.BREAKER_OPEN: FaultKind("somebody opens a circuit breaker", ("dragonfly",), lasts=True),
    _C.RUN_TERMINATED: FaultKind(
        "a run is terminated, without a word to it", _RUN, Reach.RUN, ends=Ends.FAILS
    ),
    _C.RUN_CANCELLED: FaultKind("a run is cancelled", _RUN, Reach.RUN, ends=Ends.EITHER),
    _C.RUN_RESET: FaultKind("a run is reset to where it began", _RUN, Reach.RUN, ends=Ends.EITHER),
    _C.ARTIFACTS_LOST: FaultKind("the artefact store is away", ("artifacts",), lasts=True),
    _C.TOOL_SERVER_KILLED: _of_tools("kill -9 of a tool server in the midst of a call"),
    _C.TOOL_SERVER_HANGS: _of_tools("SIGSTOP of a tool server in a call, and SIGCONT", lasts=True),
    _C.TOOL_ANSWER_LOST: _of_tools("a tool server does what it is asked, and its answer is lost"),
    _C.TOKEN_EXPIRED: FaultKind("Vault ends every token of agents", ("vault",)),
    _C.ROLE_REVOKED: FaultKind(
        "the role files of workers are gone", ("vault",), lasts=True, ends=Ends.EITHER
    ),
}
