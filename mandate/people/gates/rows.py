"""What a run says of its pending gates, read with care: a run is not trusted to be one of ours.

1. Whatever is not of the expected shape is no answer. Fields that are not known here are those of
   a later release, and left alone.
2. A gate is named by its path, or by its bare name where only one pending gate has it.
3. A digest is believed only when it is that of what is shown beside it, and a description only of
   an output that is among what is approved. A gate that no plan names shows what it is for: the
   question, the clarified plan or the call that has the digest which stands under its own name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from dsl.plan import GateStep, Plan, walk
from dsl.rules.gates.questions import Question
from dsl.rules.gates.unnamed import CALL, CLARIFY, OUTCOME, QUESTION, may_be_opened, own_of
from dsl.rules.health.clarification import Clarification, clarification_name
from dsl.rules.tools.calls import Occurrence
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import digest_of
from mandate.people.errors import NotThereError, RefusalError, UsageError

NONE: Final = "none"
ASKING: Final = "asking"
FILED: Final = "filed"


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # (1) a later release may say more


class Filed(_Lenient):
    """One request that waits in Vault."""

    stage: str
    agent: str
    place: str
    accessor: str


class VaultRow(_Lenient):
    """Whether Vault waits as well."""

    state: str = NONE
    detail: str = ""
    requests: tuple[Filed, ...] = ()


class HeadRow(_Lenient):
    """The first lines of an output, as the run tells them."""

    state: str
    lines: tuple[str, ...] = ()
    is_cut: StrictBool = False
    size: StrictInt | None = None


class OutputRow(_Lenient):
    """What an output is, as the run tells it."""

    stage: str
    name: str
    digest: str
    phase: str = ""
    media_type: str = ""
    size: StrictInt = 0
    head: HeadRow | None = None


class VoteRow(_Lenient):
    """One vote that has counted."""

    voter: str
    decision: str
    proven: StrictBool = False


class QuestionRow(_Lenient):
    """What an agent asks."""

    text: str
    choices: tuple[str, ...] = ()
    id: str = ""
    default: str | None = None

    def digest(self) -> str:
        """Return what an answer is bound to; empty: it is no question."""
        try:
            return Question.model_validate(self.model_dump()).digest()
        except ValueError:
            return ""


class CallRow(_Lenient):
    """A call of a tool that an agent asks for."""

    server: str
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    purpose: str = ""
    rule: str = ""
    occurrence: dict[str, Any] = Field(default_factory=dict)

    def digest(self, kind: str) -> str:
        """Return what a gate of that kind asks for where it is about this; empty: it never is."""
        call = {"server": self.server, "tool": self.tool, "arguments": self.arguments}
        try:
            shown = Occurrence.model_validate({**self.occurrence, "call": call})
            return {CALL: shown.digest, OUTCOME: shown.outcome_digest}[kind]()
        except (ValueError, KeyError):
            return ""


class DecisionRow(_Lenient):
    """What members of a council have decided about one suggestion."""

    suggestion: str
    ruling: str
    rule: str
    why: str = ""


class GateRow(_Lenient):
    """One pending gate."""

    gate: str
    opening: StrictInt
    escalated: StrictBool
    approvers: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    reason_required: StrictBool = False
    excluded: tuple[str, ...] = ()
    quorum: StrictInt = 1
    still_needed: StrictInt = 0
    still_needed_of: str = ""
    since: str = ""
    due: str = ""
    description: str = ""
    subject: dict[str, dict[str, str]] = Field(default_factory=dict)
    subject_digest: str
    outputs: tuple[OutputRow, ...] = ()
    voted: tuple[VoteRow, ...] = ()
    plan: str
    inputs: str
    run_inputs: dict[str, Any] = Field(default_factory=dict)
    vault: VaultRow = VaultRow()
    question: QuestionRow | None = None
    call: CallRow | None = None
    clarification: Clarification | None = None
    advice: str = ""  # of its members, in a sentence
    decisions: tuple[DecisionRow, ...] = ()


def read_rows(answer: Any) -> tuple[GateRow, ...]:
    """Return the gates in the answer to the query ``gates``.

    Raises:
        RefusalError: it is no such answer.
    """
    try:
        rows = tuple(GateRow.model_validate(row) for row in answer)
    except (ValidationError, TypeError):
        raise RefusalError("its answer is not that of a pipeline of this release") from None
    return rows


def find(rows: Sequence[GateRow], name: str) -> GateRow:
    """Return the pending gate of that name (2).

    Raises:
        NotThereError: there is none.
        UsageError: there are several.
    """
    found = [row for row in rows if row.gate == name]
    found = found or [row for row in rows if row.gate.rsplit("/", 1)[-1] == name]
    if len(found) == 1:
        return found[0]
    pending = Terminal.listed(row.gate for row in rows) or "none"
    if found:
        raise UsageError(
            "several gates are pending under the name {!r}; pending now: {}", name, pending
        )
    raise NotThereError("no gate is pending under the name {!r}; pending now: {}", name, pending)


def has_gate(plan: Plan, name: str) -> bool:
    """Tell whether a run of that plan may open a gate of that path or name, waiting or not."""
    paths = (step.path for step in walk(plan.steps) if isinstance(step, GateStep))
    return may_be_opened(plan, name) or any(
        name in (path, path.rsplit("/", 1)[-1]) for path in paths
    )


def refuse_digest(row: GateRow) -> Terminal | None:
    """Say why the row does not show what it is about; None when it does (3)."""
    try:
        shown, told = digest_of(row.subject), digest_of(row.run_inputs)
    except ValueError:
        return Terminal("what is shown is text that no digest can be made of")
    if shown != row.subject_digest:
        return Terminal.of(
            "the digest of what is shown is {}, and the gate asks for {}", shown, row.subject_digest
        )
    if told != row.inputs:
        return Terminal.of(
            "the digest of the inputs shown is {}, and the gate asks for {}", told, row.inputs
        )
    return _refuse_asked(row) or _refuse_outputs(row)


def _refuse_asked(row: GateRow) -> Terminal | None:
    if row.clarification is not None:
        shown, stage = row.clarification.digest(), row.clarification.stage
        asked = row.subject.get(stage, {}).get(clarification_name(row.clarification.number))
        if shown != asked:
            return Terminal.of(
                "the digest of the clarified plan shown is {}, and the gate asks for {}",
                *(shown, asked or "none"),
            )
    stage, name, kind = own_of(row.gate)
    asked = row.subject.get(stage, {}).get(name)
    if row.call is not None and (not asked or row.call.digest(kind) != asked):
        return Terminal("the call that is shown is not the one that the gate asks for")
    if kind == QUESTION and row.question is not None and row.question.digest() != asked:
        return Terminal("the question that is shown is not the one that the gate asks")
    if kind == CLARIFY and row.clarification is not None and row.clarification.digest() != asked:
        return Terminal("the clarified plan that is shown is not the one that the gate asks for")
    return None


def shows_its_own(row: GateRow) -> bool:
    """Tell whether a gate that no plan names shows what such a one is for (3)."""
    call, question = row.call is not None, row.question is not None
    shown = {
        QUESTION: question,
        CLARIFY: question and row.clarification is not None,
        CALL: call,
        OUTCOME: call and question,
    }
    return shown.get(own_of(row.gate)[2], False)


def _refuse_outputs(row: GateRow) -> Terminal | None:
    for each in row.outputs:
        if row.subject.get(each.stage, {}).get(each.name) != each.digest:
            return Terminal.of(
                "{} of {} is described as {}, and the gate asks for {}",
                *(each.name, each.stage, each.digest),
                row.subject.get(each.stage, {}).get(each.name, "nothing of that name"),
            )
    return None


def bound(row: GateRow) -> tuple[object, ...]:
    """Return all that a vote is bound to: what was shown is what is signed only if it is equal."""
    return (
        *(row.gate, row.opening, row.escalated, row.plan, row.inputs, row.subject_digest),
        row.vault.requests,
    )
