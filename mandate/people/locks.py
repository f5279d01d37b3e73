"""Vault's own lock behind a gate: what is asked for there, and a person's word for it.

Whoever could make a person authorise a request of his own would have that person open Vault for
him. So before anything is signed:

1. The plan is the one the gate is about: its digest is computed here from the plan itself.
2. A request belongs to a stage of that plan behind that gate, made by that stage's agent, for a
   secret that stage declares.
3. What Vault says of the request decides, not what the run says: it reads that very path, as that
   agent.
4. A rejection authorises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pydantic import ValidationError

from dsl.plan import AgentStep, GateStep, Plan, walk
from dsl.rules.guards import stages_behind
from integrations.vault.naming import entity_name
from integrations.vault.paths import SecretRef
from integrations.vault.person import ControlRequest, Person
from mandate.people.errors import RefusalError
from mandate.people.rows import Filed, GateRow
from mandate.people.words import plain

REQUESTS_MAX: Final = 1_000
_READ: Final = "read"


def read_plan(answer: Any, row: GateRow) -> Plan:
    """Return the plan in the answer to the query ``plan``, if the gate is about it (1).

    Raises:
        RefusalError: it is another one, or none.
    """
    try:
        plan = Plan.model_validate(answer["plan"])
    except (ValidationError, TypeError, KeyError):
        raise RefusalError("the run does not show its plan: not signed") from None
    digest = plan.digest()
    if digest != row.plan:
        raise RefusalError(
            f"the plan of the run has the digest {digest}, and the gate is about "
            f"{plain(row.plan)}: not signed"
        )
    if not any(isinstance(step, GateStep) and step.path == row.gate for step in walk(plan.steps)):
        raise RefusalError(f"the plan has no gate {plain(row.gate)!r}: not signed")
    return plan


async def examine(person: Person, plan: Plan, row: GateRow) -> tuple[ControlRequest, ...]:
    """Look at every request filed behind the gate; return what Vault says of each.

    Raises:
        RefusalError: one is not what the plan declares (2) (3).
    """
    filed = row.vault.requests
    if len(filed) > REQUESTS_MAX:
        raise RefusalError(f"{len(filed)} requests are filed: expected at most {REQUESTS_MAX}")
    behind = {step.path: step for step in stages_behind(plan, row.gate)}
    found = []
    for each in filed:
        refuse_undeclared(behind.get(each.stage), each, row.gate)
        request = await person.request(each.accessor)
        refuse_other(request, each)
        found.append(request)
    return tuple(found)


async def authorise(person: Person, filed: Sequence[Filed], say: Callable[[str], None]) -> None:
    """Give the person's word for each request; say where Vault wants more than that."""
    for each in filed:
        if await person.authorise(each.accessor):
            say(f"vault    authorised: {plain(each.place)} for {plain(each.stage)}")
        else:
            say(
                f"vault    {plain(each.place)} for {plain(each.stage)} is not authorised yet: it "
                "waits for others, or you are in no group that may"
            )


def refuse_undeclared(step: AgentStep | None, filed: Filed, gate: str) -> None:
    """Refuse what no stage behind the gate declares (2).

    Raises:
        RefusalError: it is not declared.
    """
    if step is None:
        raise RefusalError(
            f"a request is filed for {plain(filed.stage)!r}, which does not stand behind "
            f"{plain(gate)!r}: not signed"
        )
    places = sorted({_place(reference) for reference in step.secrets.values()})
    if filed.agent != step.agent or filed.place not in places:
        raise RefusalError(
            f"a request of {plain(filed.agent)!r} is filed for {plain(filed.place)!r}; the plan "
            f"declares {', '.join(places) or 'nothing'} for {step.agent!r}: not signed"
        )


def refuse_other(request: ControlRequest, filed: Filed) -> None:
    """Refuse what in Vault is something else than the run says (3).

    Raises:
        RefusalError: it is.
    """
    mount, _, path = filed.place.partition("/")
    expected = (f"{mount}/data/{path}", _READ, entity_name(filed.agent))
    found = (request.path, request.operation, request.entity_name)
    if found != expected:
        raise RefusalError(
            f"vault has a request to {plain(found[1])} {plain(found[0])} by {plain(found[2])}; "
            f"expected {_READ} {expected[0]} by {expected[2]}: not signed"
        )


def _place(reference: str) -> str:
    ref = SecretRef.parse(reference)
    return f"{ref.mount}/{ref.path}"
