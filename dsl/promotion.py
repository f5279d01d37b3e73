"""The criteria of promotion: read, checked, and turned into the gate that people answer.

Every mistake is told at once, with its place, as for pipelines. Below this floor a document is
refused, whatever its site says:

1. Whoever agrees has proven who they are. A claimed name raises nobody, at any tier.
2. T3, T4 and a reinstatement take two different persons, and their reasons.
3. Somebody can answer every gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dsl.core import Tier
from dsl.criteria import ConsentConfig, Criteria
from dsl.document.loader import Loaded
from dsl.document.loader import Path as Place
from dsl.document.settings_file import content_of, parse_settings
from dsl.errors import DslError, Problem
from dsl.people import GROUP_PREFIX
from dsl.plan import GateStep, GroupPlan, Plan
from dsl.rules.gates.consensus import VERIFIED
from dsl.rules.trust.grant import PROMOTE, REINSTATE
from dsl.values.durations import render_duration

SHIPPED: Final = Path(__file__).parent / "promotion.yaml"
BELOW_THE_FLOOR: Final = "DSL520"
CONSENT: Final = "consent"  # path of the one gate
NAMES: Final = {PROMOTE: "promotion", REINSTATE: "reinstatement"}  # of the plan, by kind
PLAN_VERSION: Final = "1"
PERSONS_MIN: Final = 2  # from T3 on
# Beside the time people have: the ledger is verified before and after.
_BESIDE_THE_GATE_MS: Final = 3_600_000


def load_criteria(path: Path | None = None) -> Criteria:
    """Return the criteria in the file at ``path``; None: those shipped.

    Raises:
        DslError: with every mistake; or the file cannot be read.
    """
    path = path or SHIPPED
    return parse_criteria(content_of(path, code=BELOW_THE_FLOOR), str(path))


def parse_criteria(content: str | bytes, source: str) -> Criteria:
    """Return the criteria in ``content``, which messages call ``source``.

    Raises:
        DslError: with every mistake.
    """
    expected = "tiers, after_demotion and reinstatement"
    criteria, loaded = parse_settings(content, source, Criteria, expected=expected)
    low = list(_below_the_floor(criteria, loaded))
    if low:
        raise DslError(source, low, loaded.text)
    return criteria


def promotion_plan(criteria: Criteria, kind: str, agent: str, was: Tier, now: Tier) -> Plan:
    """Return what people are asked before ``agent`` is raised, or comes back.

    Args:
        criteria: who has to agree.
        kind: ``PROMOTE`` or ``REINSTATE``.
        agent: whom it is about.
        was: the tier held.
        now: the tier after it.

    Raises:
        ValueError: the criteria raise nobody to that tier.
    """
    if kind == REINSTATE:
        gate, what = criteria.reinstatement.gate, f"let {agent} come back, at {now.name}"
    else:
        found = criteria.to(now)
        if found is None:
            raise ValueError(f"nobody is raised to {now.name}: the criteria leave it out")
        gate, what = found.gate, f"raise {agent} from {was.name} to {now.name} ({now.title})"
    return Plan(
        name=NAMES[kind],
        version=PLAN_VERSION,
        timeout_ms=gate.timeout + _BESIDE_THE_GATE_MS,
        steps=(_step(gate, what),),
    )


def _step(gate: ConsentConfig, what: str) -> GateStep:
    return GateStep(
        path=CONSENT,
        name=CONSENT,
        description=what,
        gate_type="approval",
        approvers=gate.approvers,
        groups=tuple(GroupPlan(name=each.name, quorum=each.quorum) for each in gate.groups),
        quorum=gate.quorum,
        timeout_ms=gate.timeout,
        on_timeout="reject",
        identity=(VERIFIED,),
        reason=gate.reason,
    )


def _below_the_floor(criteria: Criteria, loaded: Loaded) -> Iterator[Problem]:
    gates: list[tuple[str, Tier, ConsentConfig, Place]] = [
        (f"promotion to {tier.name}", tier, found.gate, ("tiers", tier.name, "gate"))
        for tier in Tier
        if (found := criteria.to(tier)) is not None
    ]
    coming_back = criteria.reinstatement.gate
    gates.append(("reinstatement", Tier.T4, coming_back, ("reinstatement", "gate")))
    for what, tier, gate, place in gates:
        for field, message, hint in _mistakes(what, tier, gate):
            at = loaded.marks.value((*place, field))
            yield Problem(BELOW_THE_FLOOR, message, at, hint)


def _mistakes(what: str, tier: Tier, gate: ConsentConfig) -> Iterator[tuple[str, str, str]]:
    """Yield field, message and hint."""
    names = {name for name in gate.approvers if not name.startswith(GROUP_PREFIX)}
    unbounded = bool(gate.groups) or len(names) < len(set(gate.approvers))
    if gate.identity != VERIFIED:  # (1) a claimed name raises nobody
        yield "identity", f"{what}: a claimed name raises nobody", "write identity: verified"
    if tier >= Tier.T3 and gate.persons < PERSONS_MIN:  # (2) two persons
        message = f"{what} takes {PERSONS_MIN} persons, and {gate.persons} would pass this gate"
        yield "quorum", message, f"write quorum: {PERSONS_MIN}"
    if tier >= Tier.T3 and gate.reason != "required":  # (2) and their reasons
        yield "reason", f"{what} takes the reason of everybody who agrees", "write reason: required"
    if not names and not unbounded:  # (3) somebody can answer
        yield "approvers", f"{what}: nobody may agree", 'name people: approvers: ["group:sre"]'
    elif not unbounded and gate.quorum > len(names):  # (3) enough can answer
        message = f"{what}: quorum {gate.quorum} cannot be reached with {len(names)} approver(s)"
        yield "quorum", message, f"lower it to {len(names)}, or name more"


def describe(gate: ConsentConfig) -> str:
    """Return who has to agree, for people to read."""
    people = [*gate.approvers, *(f"{each.quorum} of group:{each.name}" for each in gate.groups)]
    return f"{gate.quorum} of {', '.join(people)}, within {render_duration(gate.timeout)}"
