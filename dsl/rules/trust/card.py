"""The score card of an agent: what there is to know, and how it is told to a program.

Made by ``dsl.rules.trust.scorecard``, which says what each figure means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsl.core import Tier


@dataclass(frozen=True, slots=True)
class Current:
    """A run under way."""

    workflow: str
    run: str
    stage: str
    tier: Tier  # asked for
    since: str
    seq: int
    violated: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """One violation."""

    ts: str
    kind: str
    consequence: str
    workflow: str
    run: str
    seq: int


@dataclass(frozen=True, slots=True)
class Tried:
    """How often the agent was tried in one run, and how often it failed."""

    tries: int
    errors: int


@dataclass(frozen=True, slots=True)
class Card:
    """What the ledger says of one agent identity; times are those of the ledger."""

    agent: str
    registered: str = ""  # empty: never, so nothing else here counts for anything
    entity: str = ""  # in Vault
    pipeline: str = ""
    template: str = ""
    program: str = ""
    tier: Tier = Tier.T0
    since: str = ""  # of the tier
    trial: bool = False  # it was lent, see ``integrations.trial``
    tier_seq: int = -1
    current: tuple[Current, ...] = ()
    ended: int = 0
    compliant: int = 0
    in_a_row: int = 0  # compliant, since the last tier change
    breaches: tuple[Breach, ...] = ()  # the last ones
    kinds: Mapping[str, int] = field(default_factory=dict)
    demotions: int = 0
    demoted: str = ""  # when last
    revocations: int = 0
    revoked: bool = False
    epoch: int = 0
    stopped: int = 0  # epoch of the first revocation since it was last free
    recent: tuple[Tried, ...] = ()  # the last runs
    exhausted: int = 0  # runs in a row that used up all tries
    secrets: tuple[str, ...] = ()  # references to what it may have been handed
    secrets_left_out: int = 0
    first: int = -1  # entries that counted
    last: int = -1
    entries: int = 0

    @property
    def violations(self) -> int:
        """Return how many there were in all."""
        return sum(self.kinds.values())

    @property
    def burn(self) -> int:
        """Return failed tries per try, in percent (4)."""
        tries = sum(each.tries for each in self.recent)
        errors = sum(each.errors for each in self.recent)
        return -(-errors * 100 // tries) if tries else 0

    def as_json(self) -> dict[str, Any]:
        """Return the card for a program; no floats, so that it can be signed and recorded."""
        return {
            "agent": self.agent,
            "registered": self.registered,
            "entity": self.entity,
            "binding": {
                "pipeline": self.pipeline,
                "template": self.template,
                "program": self.program,
            },
            "tier": self.tier.name,
            "since": self.since,
            "trial": self.trial,
            "runs": {
                "current": [_run(each) for each in self.current],
                "ended": self.ended,
                "compliant": self.compliant,
                "in_a_row": self.in_a_row,
            },
            "violations": {
                "total": self.violations,
                "kinds": dict(sorted(self.kinds.items())),
                "last": [_breach(each) for each in self.breaches],
            },
            "demotions": {"total": self.demotions, "last": self.demoted},
            "revocations": {
                "total": self.revocations,
                "revoked": self.revoked,
                "epoch": self.epoch,
            },
            "budget": {
                "runs": len(self.recent),
                "tries": sum(each.tries for each in self.recent),
                "errors": sum(each.errors for each in self.recent),
                "burn_percent": self.burn,
                "exhausted_in_a_row": self.exhausted,
            },
            "secrets": list(self.secrets),
            "secrets_left_out": self.secrets_left_out,
            "evidence": {"first": self.first, "last": self.last, "entries": self.entries},
        }


def _run(run: Current) -> dict[str, Any]:
    return {
        "workflow": run.workflow,
        "run": run.run,
        "stage": run.stage,
        "tier": run.tier.name,
        "since": run.since,
        "entry": run.seq,
        "violated": run.violated,
    }


def _breach(breach: Breach) -> dict[str, Any]:
    return {
        "ts": breach.ts,
        "kind": breach.kind,
        "consequence": breach.consequence,
        "workflow": breach.workflow,
        "run": breach.run,
        "entry": breach.seq,
    }
