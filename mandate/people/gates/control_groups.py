"""Vault's own lock behind a gate: what is asked for there, and a person's word for it.

Whoever could make a person authorise a request of his own would have that person open Vault for
him. So before anything is signed:

1. The plan is the one the gate is about: its digest is computed here from the plan itself. It has
   the gate, or lets such a one be opened, which then shows what it asks; behind that, no request
   stands.
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
from dsl.rules.gates.guards import stages_behind
from dsl.rules.gates.unnamed import may_be_opened
from dsl.shown.surfaces import Terminal
from integrations.vault.credentials.paths import SecretRef
from integrations.vault.naming import entity_name
from integrations.vault.people.person import ControlRequest, Person
from mandate.people.errors import RefusalError
from mandate.people.gates.rows import Filed, GateRow, shows_its_own

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
            "the plan of the run has the digest {}, and the gate is about {}: not signed",
            digest,
            row.plan,
        )
    is_named = any(
        isinstance(step, GateStep) and step.path == row.gate for step in walk(plan.steps)
    )
    if not is_named and not (shows_its_own(row) and may_be_opened(plan, row.gate)):
        raise RefusalError("the plan has no gate {!r}: not signed", row.gate)
    return plan


async def examine(person: Person, plan: Plan, row: GateRow) -> tuple[ControlRequest, ...]:
    """Look at every request filed behind the gate; return what Vault says of each.

    Raises:
        RefusalError: one is not what the plan declares (2) (3).
    """
    filed = row.vault.requests
    if len(filed) > REQUESTS_MAX:
        raise RefusalError("{} requests are filed: expected at most {}", len(filed), REQUESTS_MAX)
    behind = {step.path: step for step in stages_behind(plan, row.gate)}
    found = []
    for each in filed:
        refuse_undeclared(behind.get(each.stage), each, row.gate)
        request = await person.request(each.accessor)
        refuse_other(request, each)
        found.append(request)
    return tuple(found)


async def authorise(
    person: Person, filed: Sequence[Filed], say: Callable[[Terminal], None]
) -> None:
    """Give the person's word for each request; say where Vault wants more than that."""
    for each in filed:
        if await person.authorise(each.accessor):
            say(Terminal.of("vault    authorised: {} for {}", each.place, each.stage))
        else:
            say(
                Terminal.of(
                    "vault    {} for {} is not authorised yet: it waits for others, or you are in "
                    "no group that may",
                    each.place,
                    each.stage,
                )
            )


def refuse_undeclared(step: AgentStep | None, filed: Filed, gate: str) -> None:
    """Refuse what no stage behind the gate declares (2).

    Raises:
        RefusalError: it is not declared.
    """
    if step is None:
        raise RefusalError(
            "a request is filed for {!r}, which does not stand behind {!r}: not signed",
            filed.stage,
            gate,
        )
    places = sorted({_place(reference) for reference in step.secrets.values()})
    if filed.agent != step.agent or filed.place not in places:
        raise RefusalError(
            "a request of {!r} is filed for {!r}; the plan declares {} for {!r}: not signed",
            filed.agent,
            filed.place,
            Terminal.listed(places) or "nothing",
            step.agent,
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
            "vault has a request to {} {} by {}; expected {} {} by {}: not signed",
            *(found[1], found[0], found[2]),
            *(expected[1], expected[0], expected[2]),
        )


def _place(reference: str) -> str:
    ref = SecretRef.parse(reference)
    return f"{ref.mount}/{ref.path}"
