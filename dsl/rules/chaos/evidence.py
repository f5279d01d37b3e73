"""What is looked at to judge whether governance held: frozen values, collected from the stores.

None of it is the engine's own word of how it went: histories are Temporal's, entries are read from
the ledger's file, tokens and people are Vault's, keys Dragonfly's, processes the kernel's. Times
are milliseconds since 1970, by the clock of whoever says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl.rules.reconciliation.history import History
from dsl.rules.reconciliation.recorded import Recorded


@dataclass(frozen=True, slots=True)
class Watched:
    """A run of the experiment, and until when it must have ended."""

    workflow_id: str
    limit_ms: int  # from its start to its end
    ready: tuple[str, ...] = ()  # paths of stages that must be ready for the objective


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token of an agent that is alive in Vault."""

    accessor: str
    entity: str
    meta: Mapping[str, str]  # as its issuer wrote it: workflow, run, activity
    age_s: int
    asks: bool = False  # it only asks for an approval, ahead of the phase that needs it

    @property
    def run(self) -> tuple[str, str]:
        """The workflow and the run that it was minted for."""
        workflow, run = ("workflow", "run") if self.asks else ("run", "run_id")
        return self.meta.get(workflow, ""), self.meta.get(run, "")


@dataclass(frozen=True, slots=True)
class Person:
    """A person as Vault knows them."""

    entity: str
    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckedProof:
    """A proof that was sent as a vote, and whether its signature is by the key of its entity."""

    proof: str  # as it was sent
    is_signed: bool


@dataclass(frozen=True, slots=True)
class AgentEntity:
    """An agent as Vault knows it."""

    agent: str
    entity: str
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class CacheValue:
    """What Dragonfly holds under a key; hashes and sorted sets as objects, sets as lists."""

    value: Any
    ttl_ms: int = -1  # none


@dataclass(frozen=True, slots=True)
class LeftProcess:
    """A process of an agent that is alive."""

    pid: int
    agent: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a deep replay of one history found; nothing: it asks for the same today."""

    workflow_id: str
    run_id: str
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was seen of one experiment after it had ended."""

    looked_ms: int  # the moment of the look, by Temporal's server or the same machine
    namespace: str = "default"
    watched: tuple[Watched, ...] = ()
    histories: tuple[History, ...] = ()  # of the runs, their stages, and what these started
    ledger: tuple[Recorded, ...] = ()  # the whole of it, in order
    tokens: tuple[LiveToken, ...] = ()
    agents: tuple[AgentEntity, ...] = ()
    people: tuple[Person, ...] = ()
    proofs: tuple[CheckedProof, ...] = ()
    cache: Mapping[str, CacheValue] = field(default_factory=dict)
    processes: tuple[LeftProcess, ...] = ()
    # What reached tools that were watched: the arguments of each call, by ``<server>/<tool>``.
    reached: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    artifacts: Mapping[str, bool] = field(default_factory=dict)  # by digest: it is there, and whole
    replays: tuple[Replayed, ...] = ()
    wedged: Mapping[str, str] = field(default_factory=dict)  # by workflow: what Temporal reports

    def runs_of(self, workflow_id: str) -> list[History]:
        """Return the runs of one workflow in the order in which they began."""
        runs = (each for each in self.histories if each.workflow_id == workflow_id)
        return sorted(runs, key=lambda each: each.began_ms)
