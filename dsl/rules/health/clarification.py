"""What follows when an agent has spent its error budget: its plan is clarified, or it is over.

A clarification takes the place of a stage's plan. Pure. The rules:

1. A stage is clarified as often as it allows, whoever works in it; then it fails, or its agent is
   revoked, as the stage says.
2. A clarification narrows and never widens. Its *scope* is what is left of what the stage may touch
   beyond its private directory: secrets, ports and directories, each by its kind and name. What was
   taken away does not come back.
3. Reasons and constraints of the plan before stand, the newest last; what is too much for a list is
   the oldest reason. A constraint is never dropped: there is no room for it, or it stands.
4. Without people or a council, the reasons are what the agent has erred, and nothing else changes.
5. People answer with a constraint, or with a JSON object of ``constraints`` and ``scope``. An
   answer that cannot be read, is too much or widens is refused, and uses nothing up.
6. The digest of a clarification is that of the stage's plan from then on. It covers the digest of
   the plan before, so whatever was approved under that one was not approved under this.
7. What was planned and done under the plan before is kept beside what comes: ``plan<n>.<name>``,
   each with the digest of its plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from pydantic import Field, ValidationError

from dsl.core import (
    OUTPUT_NAME_LENGTH_MAX,
    AgentOutput,
    ClarifiedPlan,
    Clauses,
    OutputType,
    Value,
)
from dsl.limits import (
    CLARIFICATION_LINE_LENGTH_MAX,
    CLARIFICATION_LINES_MAX,
    CLARIFICATIONS_MAX,
    MESSAGE_BYTES_MAX,
    QUESTION_LENGTH_MAX,
    SCOPE_MAX,
    TRY_OUTPUTS_MAX,
)
from dsl.plan import AgentStep, GateStep
from dsl.values import strict_json
from dsl.values.canonical import INTEGER_MAX, digest_of
from dsl.values.model_faults import fault_of
from dsl.values.strict_json import JsonError

_REASONS_SHOWN_MAX: Final = 5
_SHOWN_MAX: Final = 80  # characters of what somebody else wrote
_UNSAID: Final = "the agent has said nothing of what went wrong"


class Followed(StrEnum):
    """What follows on a spent budget (1)."""

    CLARIFY = "clarify"
    FAIL = "fail"
    REVOKE = "revoke"


class Clarification(Value):
    """A clarified plan of one stage, and the plan that it takes the place of."""

    stage: str
    number: int = Field(ge=1, le=CLARIFICATIONS_MAX)
    before: str  # digest of the plan before
    plan: ClarifiedPlan
    errors_until_ms: int = Field(ge=0, le=INTEGER_MAX)  # errors until then are of the plan before

    def digest(self) -> str:
        """Return the digest of the stage's plan under it (6)."""
        return digest_of(self.model_dump(mode="json"))

    def told(self) -> dict[str, Any]:
        """Return what an agent is told of it."""
        return {
            "number": self.number,
            "plan": self.digest(),
            **self.plan.model_dump(mode="json"),
        }


class ClarificationError(ValueError):
    """An answer clarifies nothing; one sentence."""


class _Answer(Value):
    constraints: Clauses = ()
    scope: tuple[str, ...] | None = Field(default=None, max_length=SCOPE_MAX)


def clarification_name(number: int) -> str:
    """Return the name of a gate at which a plan is clarified, and of what is approved there."""
    return f"clarify-{number}"


def followed_by(step: AgentStep, clarifications: int) -> Followed:
    """Return what follows on a spent budget in a stage that was clarified so often (1)."""
    if clarifications < step.clarifications:
        return Followed.CLARIFY
    return Followed.REVOKE if step.on_exhausted == "revoke" else Followed.FAIL


def scope_of(step: AgentStep) -> tuple[str, ...]:
    """Return what a stage may touch beyond its private directory (2)."""
    return (
        *(f"secret:{name}" for name in sorted(step.secrets)),
        *(f"tcp:{port}" for port in sorted(set(step.sandbox.tcp))),
        *(f"write:{folder}" for folder in sorted(set(step.sandbox.write))),
    )


def narrowed(step: AgentStep, clarification: Clarification | None) -> AgentStep:
    """Return a stage with what a clarification has left of its scope (2)."""
    if clarification is None:
        return step
    left = set(clarification.plan.scope)
    sandbox = step.sandbox.model_copy(
        update={
            "tcp": tuple(each for each in step.sandbox.tcp if f"tcp:{each}" in left),
            "write": tuple(each for each in step.sandbox.write if f"write:{each}" in left),
        }
    )
    secrets = {name: ref for name, ref in step.secrets.items() if f"secret:{name}" in left}
    return step.model_copy(update={"secrets": secrets, "sandbox": sandbox})


def drafted(step: AgentStep, before: ClarifiedPlan | None, reasons: Iterable[str]) -> ClarifiedPlan:
    """Return the clarified plan that follows from what the agent has erred alone (4)."""
    cut = (each.strip()[:CLARIFICATION_LINE_LENGTH_MAX] for each in reasons)
    new = tuple(dict.fromkeys(each for each in cut if each)) or (_UNSAID,)
    if before is None:
        return ClarifiedPlan(reasons=new[-CLARIFICATION_LINES_MAX:], scope=scope_of(step))
    told = tuple(each for each in before.reasons if each not in new)
    # (3) the newest last, the oldest go
    return before.model_copy(update={"reasons": (*told, *new)[-CLARIFICATION_LINES_MAX:]})


def answered(draft: ClarifiedPlan, answer: str) -> ClarifiedPlan:
    """Return ``draft`` with what people have answered (5).

    Raises:
        ClarificationError: they have answered what clarifies nothing, or widens.
    """
    read = _read(answer)
    new = tuple(each for each in dict.fromkeys(read.constraints) if each not in draft.constraints)
    constraints = (*draft.constraints, *new)
    if len(constraints) > CLARIFICATION_LINES_MAX:  # (3) none is dropped
        raise ClarificationError(
            f"the plan would have {len(constraints)} constraints, and {CLARIFICATION_LINES_MAX} is "
            "the limit: say several in one"
        )
    if read.scope is None:
        return draft.model_copy(update={"constraints": constraints})
    wider = [each for each in read.scope if each not in draft.scope]
    if wider:  # (2) never wider
        left = ", ".join(draft.scope) or "nothing"
        raise ClarificationError(
            f"a clarification only narrows, and {wider[0][:_SHOWN_MAX]!r} is not in the scope: "
            f"name what is to be left of {left}"
        )
    scope = tuple(each for each in draft.scope if each in read.scope)
    return draft.model_copy(update={"constraints": constraints, "scope": scope})


def clarification_gate(step: AgentStep, draft: Clarification) -> GateStep:
    """Return the gate at which people, or a council, say how the plan of a stage is clarified.

    Raises:
        ValueError: the stage has its plan clarified by nobody.
    """
    if step.clarifiers is None:
        raise ValueError(f"expected somebody to clarify the plan of {step.path!r}, got nobody")
    name = clarification_name(draft.number)
    return GateStep(
        path=f"{step.path}/{name}",
        name=name,
        description=asked_of(step, draft.number, draft.plan, length_max=QUESTION_LENGTH_MAX),
        gate_type="consensus" if step.clarifiers.members else "approval",
        **step.clarifiers.asked(),
    )


def asked_of(step: AgentStep, number: int, draft: ClarifiedPlan, *, length_max: int) -> str:
    """Return what people are asked, with as many of the newest reasons as there is room for."""
    head = (
        f"{step.path} has spent its error budget; how is its plan to be clarified "
        f"({number} of {step.clarifications})? "
    )
    left = f"Its scope: {', '.join(draft.scope) or 'nothing'}. "
    how = (
        'Answer with a constraint, or with {"constraints": […], "scope": […]}, of which the scope '
        "is all that is left. What went wrong: "
    )
    room = length_max - len(head) - len(left) - len(how)
    if room < len(_UNSAID):
        left = f"Its scope: {len(draft.scope)} items. "
        room = length_max - len(head) - len(left) - len(how)
    reasons = ""
    for reason in reversed(draft.reasons):
        longer = f"{reason}; {reasons}" if reasons else reason
        if len(longer) > room:
            break
        reasons = longer
    return head + left + how + (reasons or draft.reasons[-1][:room])


def in_brief(clarification: Clarification | None) -> str:
    """Return in a few words that the plan was clarified; empty where it was not."""
    if clarification is None:
        return ""
    times = "once" if clarification.number == 1 else f"{clarification.number} times"
    return f"plan clarified {times}: {clarification.digest()}"


def lines_of(clarification: Clarification) -> tuple[tuple[str, str], ...]:
    """Return what people are to know of it, each with what it is; the newest reasons alone."""
    plan = clarification.plan
    return (
        *(("what went wrong", each) for each in plan.reasons[-_REASONS_SHOWN_MAX:]),
        *(("constraint", each) for each in plan.constraints),
        ("scope", ", ".join(plan.scope) or "nothing beyond its private directory"),
    )


def under(outputs: Iterable[AgentOutput], plan: str) -> tuple[AgentOutput, ...]:
    """Return outputs with the digest of the plan that they were made under, where none is said."""
    return tuple(
        each if each.plan or not plan else each.model_copy(update={"plan": plan})
        for each in outputs
    )


def of_before(outputs: Iterable[AgentOutput], number: int, plan: str) -> tuple[AgentOutput, ...]:
    """Return the beta outputs of the plan that clarification ``number`` takes the place of (7)."""
    kept = []
    for each in under(outputs, plan):
        name = f"plan{number}.{each.name}" if each.plan == plan else each.name
        if each.output_type is OutputType.BETA and len(name) <= OUTPUT_NAME_LENGTH_MAX:
            kept.append(each.model_copy(update={"name": name}))
    return tuple(kept[-TRY_OUTPUTS_MAX:])


def _read(answer: str) -> _Answer:
    text = answer.strip()
    try:
        if not text.startswith("{"):
            return _Answer(constraints=(text,))
        value = strict_json.read(text, bytes_max=MESSAGE_BYTES_MAX)
        return _Answer.model_validate(value)
    except JsonError as error:
        raise ClarificationError(
            f"expected a constraint, or an object of constraints and scope: {error}"
        ) from None
    except ValidationError as error:
        fields = " and ".join(_Answer.model_fields)
        raise ClarificationError(f"{fault_of(error)}; an answer has {fields}") from None
