"""From a step of an experiment to the faults that do it, on what is ours.

1. A fault of the stack strikes once; a fault of a run strikes each run of the experiment.
2. What is struck is looked up in the moment of the fault: a process may be another by then.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from dsl.core import ChaosCondition
from dsl.rules.trust.admission import instance_id
from integrations.agents.processes.descendants import descendants_of
from integrations.agents.processes.roster import Roster
from integrations.chaos.fault import Fault, NotOursError, seen
from integrations.chaos.files import FolderAway, LockedFile
from integrations.chaos.own import OwnTarget
from integrations.chaos.processes import Death, FullDisk, Standstill
from integrations.chaos.servers import LostAnswer, StruckServer
from integrations.chaos.stores import Awakened, LockLoss, StateLoss
from integrations.chaos.vaults import EndedTokens, LostRoles, SealedVault
from integrations.chaos.wire import Weather
from integrations.chaos.wires import BadWeather
from mandate.work.chaos.ground.arena import ChaosArena
from mandate.work.chaos.ground.orders_of_people import OpenCircuit, RevokedAgent
from mandate.work.chaos.ground.run_faults import (
    AgentOrder,
    EndedRun,
    ResetRun,
    SentMessages,
    messages_of,
)
from mandate.work.chaos.ground.strike import Aimed
from mandate.work.chaos.ground.struck_run import StruckRun

_C = ChaosCondition
SLOW_S: Final = 0.3
# Of a program, which is there when it works.
AT_WORK: Final = (
    *(_C.AGENT_CRASH, _C.AGENT_HANG),
    *(_C.TOOL_SERVER_KILLED, _C.TOOL_SERVER_HANGS, _C.TOOL_ANSWER_LOST),
)
_PROGRAM: Final = b"chaos_"  # in the arguments of every program of ours
STARTED_WITHIN_S: Final = 5.0
_SENT: Final = (
    _C.VOTE_EARLY,
    _C.VOTE_DUPLICATE,
    _C.VOTE_FORGED,
    _C.VOTE_MALFORMED,
    _C.SIGNAL_UNKNOWN,
)
_ORDERED: Final = {_C.AGENT_FLOOD: "flood", _C.BUDGET_SPENT: "err", _C.CLOCK_SKEW: "skew"}
_WEATHERS: Final = {
    _C.STORE_SLOW: Weather(delay_s=SLOW_S, jitter_s=SLOW_S),
    _C.STORE_RESET: Weather(resets=0.2),
    _C.STORE_CUT: Weather(cuts=0.2),
}


def aims_of(
    arena: ChaosArena,
    condition: ChaosCondition,
    target: str,
    struck: Sequence[tuple[StruckRun, str]],
) -> list[Coroutine[Any, Any, Aimed]]:
    """Return what is to be done; ``struck`` are the runs, each with the agent that is meant in it.

    Each is looked up when it is awaited (2), and raises ``NotOursError`` where there is nothing of
    ours to do it to, and another ``IntegrationError`` where nobody can tell.
    """
    if condition in _ON_STACK:
        return [_at_stack(arena, condition, target, tuple(run.id for run, _ in struck))]
    return [_at_run(arena, condition, run, agent) for run, agent in struck]


async def _at_stack(
    arena: ChaosArena, condition: ChaosCondition, target: str, runs: tuple[str, ...]
) -> Aimed:
    return Aimed(_ON_STACK[condition](arena, target), runs)


async def _at_run(
    arena: ChaosArena, condition: ChaosCondition, run: StruckRun, agent: str
) -> Aimed:
    return Aimed(await _on_run(arena, condition, run, agent), (run.id,))


def _death(arena: ChaosArena, target: str) -> Fault:
    return Death(arena.target(target))


def _standstill(arena: ChaosArena, target: str) -> Fault:
    return Standstill(arena.target(target))


def _weather(condition: ChaosCondition) -> Callable[[ChaosArena, str], Fault]:
    return lambda arena, _target: BadWeather(
        arena.wire, _WEATHERS[condition], resets=condition is _C.STORE_RESET
    )


_ON_STACK: Final[dict[ChaosCondition, Callable[[ChaosArena, str], Fault]]] = {
    _C.WORKER_DEATH: _death,
    _C.WORKER_PAUSE: _standstill,
    _C.STORE_OUTAGE: _death,
    _C.STORE_FROZEN: _standstill,
    _C.VAULT_FROZEN: _standstill,
    _C.LEDGER_DEATH: _death,
    _C.ENGINE_DEATH: _death,
    _C.STATE_LOSS: lambda arena, _target: StateLoss(arena.dragonfly),
    _C.LEDGER_FULL: lambda arena, target: FullDisk(arena.target(target)),
    _C.LEDGER_LOCKED: lambda arena, _target: LockedFile(arena.settings.ledger),
    _C.ARTIFACTS_LOST: lambda arena, _target: FolderAway(arena.settings.artifacts),
    _C.VAULT_SEALED: lambda arena, target: SealedVault(
        arena.vault, arena.seal_key, lambda: arena.target(target)
    ),
    _C.TOKEN_EXPIRED: lambda arena, _target: EndedTokens(arena.vault, arena.sweeper()),
    _C.ROLE_REVOKED: lambda arena, _target: LostRoles(
        arena.vault, arena.sweeper(), arena.settings.vault_roles
    ),
    _C.BREAKER_OPEN: OpenCircuit,
    _C.STALE_FENCE: lambda arena, target: Awakened(arena.target(target), arena.dragonfly),
    **{condition: _weather(condition) for condition in _WEATHERS},
}


def _ordered(condition: ChaosCondition) -> Callable[[ChaosArena, StruckRun, str], Fault]:
    def fault(arena: ChaosArena, run: StruckRun, agent: str) -> Fault:
        words = [_ORDERED[condition]]
        if condition is _C.CLOCK_SKEW and arena.faketime is not None:
            words.append(str(arena.faketime))
        return AgentOrder(arena.orders, run, agent, " ".join(words))

    return fault


def _sent(condition: ChaosCondition) -> Callable[[ChaosArena, StruckRun, str], Fault]:
    return lambda _arena, run, _agent: SentMessages(run, messages_of(condition))


async def _on_run(
    arena: ChaosArena, condition: ChaosCondition, run: StruckRun, agent: str
) -> Fault:
    if condition in (_C.AGENT_CRASH, _C.AGENT_HANG):
        kind = Death if condition is _C.AGENT_CRASH else Standstill
        return kind(await _program(arena, run, agent))
    if condition in (_C.LOCK_LOSS, _C.LEASE_EXPIRY):
        holder = await _instance(arena, run, agent)
        return LockLoss(arena.dragonfly, holder, runs_out=condition is _C.LEASE_EXPIRY)
    return _ON_RUN[condition](arena, run, agent)


_ON_RUN: Final[dict[ChaosCondition, Callable[[ChaosArena, StruckRun, str], Fault]]] = {
    _C.REVOCATION: RevokedAgent,
    _C.RUN_TERMINATED: lambda _arena, run, _agent: EndedRun(run, terminated=True),
    _C.RUN_CANCELLED: lambda _arena, run, _agent: EndedRun(run, terminated=False),
    _C.RUN_RESET: lambda _arena, run, _agent: ResetRun(run),
    **{condition: _ordered(condition) for condition in _ORDERED},
    **{condition: _sent(condition) for condition in _SENT},
    _C.TOOL_SERVER_KILLED: lambda arena, run, _agent: StruckServer(
        arena.register.order_for(run.id), arena.processes, Death
    ),
    _C.TOOL_SERVER_HANGS: lambda arena, run, _agent: StruckServer(
        arena.register.order_for(run.id), arena.processes, Standstill
    ),
    _C.TOOL_ANSWER_LOST: lambda arena, run, _agent: LostAnswer(
        arena.register.order_for(run.id), lambda: arena.register.has_reached(run.id)
    ),
}
BUILT: Final = frozenset(
    {*_ON_STACK, *_ON_RUN, _C.AGENT_CRASH, _C.AGENT_HANG, _C.LOCK_LOSS, _C.LEASE_EXPIRY}
)


async def _program(arena: ChaosArena, run: StruckRun, agent: str) -> OwnTarget:
    """Return the program that works for the stage, as soon as there is one."""
    found: list[OwnTarget] = []

    async def is_there() -> bool:
        found.extend(_programs(arena, await _instance(arena, run, agent)))
        return bool(found)

    if not await seen(is_there, STARTED_WITHIN_S):
        raise NotOursError(f"no program works for {run.id}/{agent} now")
    return found[0]


def _programs(arena: ChaosArena, instance: str) -> list[OwnTarget]:
    at_work = [each for each in Roster(arena.scratch).alive() if each.instance == instance]
    pids = (pid for each in at_work for pid in descendants_of(each.keeper))
    return [arena.processes.target(pid) for pid in pids if _PROGRAM in _words(pid)]


async def _instance(arena: ChaosArena, run: StruckRun, agent: str) -> str:
    """Return the name of the stage's instance, as the roster and Dragonfly have it."""
    child = await run.stage_at(agent)
    return instance_id(await run.agent_at(agent), child.id, child.run_id, agent)


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
