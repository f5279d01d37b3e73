"""What people send to a run: what it starts with, and votes.

Messages arrive as raw payloads. A typed handler would wedge the run on a missing argument and fail
it on a wrong type (docs/adr/0003); here everything that cannot be read, or that others would read
differently (``dsl.values.strict_json``), becomes a ``MessageError`` with one sentence for its
sender.

1. ``Pipeline`` takes a YAML document, a JSON object with ``stages``, a JSON string that holds
   YAML, or ``{"pipeline" | "definition", "inputs"}``.
2. Any other workflow type is the name of a catalogue pipeline; its input is the run's inputs.
3. ``Promotion`` takes an agent and the tier it is to hold, ``Reinstatement`` an agent and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import Field, ValidationError
from temporalio.common import RawValue

from activities.contracts.messages import CompileRequest
from activities.contracts.tool_specs import DecisionsRequest
from dsl.core import Tier, Value
from dsl.limits import (
    DOCUMENT_DEPTH_MAX,
    JSON_DEPTH_MAX,
    MESSAGE_BYTES_MAX,
    NAME_LENGTH_MAX,
    PERSON_LENGTH_MAX,
    REASON_LENGTH_MAX,
)
from dsl.rules.run import reserved
from dsl.values import strict_json
from dsl.values.agent_ids import refuse_agent_identity
from dsl.values.model_faults import fault_of
from dsl.values.strict_json import JsonError

PIPELINE: Final = reserved.PIPELINE
_YAML: Final = b"yaml/plain"
_JSON: Final = b"json/plain"  # json/protobuf would become a message class, no JSON value
_VOTE_EXAMPLE: Final = '{"gate": "review", "decision": "approve", "voter": "team-lead"}'


class MessageError(Exception):
    """A message cannot be read; the text is for its sender."""


class VoteMessage(Value):
    """What a voter sends."""

    gate: str = Field(min_length=1, max_length=NAME_LENGTH_MAX * 16)
    decision: str
    voter: str = Field(min_length=1, max_length=PERSON_LENGTH_MAX)
    reason: str = Field(default="", max_length=REASON_LENGTH_MAX)
    # Another name of ``reason``, for a gate at which an agent's question is answered, and no other.
    answer: str = Field(default="", max_length=REASON_LENGTH_MAX, exclude=True)
    proof: str = ""  # of any length: one that is too long is refused, and recorded as refused


class Wanted(Value):
    """Whose trust is to change, and how."""

    agent: str
    to: Tier = Tier.T0  # a revoked agent comes back at that
    reason: str = ""


def decode(args: Sequence[Any], *, depth_max: int = JSON_DEPTH_MAX) -> Any:
    """Return the one JSON value or YAML text among ``args``; None when there is none.

    Raises:
        MessageError: more than one payload, or one that cannot be read.
    """
    if not args or args[0] is None:
        return None
    if len(args) > 1:
        raise MessageError(f"expected one input, got {len(args)}: put everything into one JSON")
    raw = args[0]
    if not isinstance(raw, RawValue):
        raise MessageError("expected a JSON input")
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding == _YAML:
        return _text(raw.payload.data)
    if encoding == b"binary/null":
        return None
    if encoding != _JSON:
        raise MessageError(
            f"cannot read an input with encoding {encoding.decode('ascii', 'replace')!r}: "
            "send JSON (json/plain), or YAML with --input-meta encoding=yaml/plain"
        )
    try:
        return strict_json.read(raw.payload.data, bytes_max=MESSAGE_BYTES_MAX, depth_max=depth_max)
    except JsonError as error:
        raise MessageError(f"the input cannot be taken: {error}") from None


def read_vote(args: Sequence[Any]) -> VoteMessage:
    """Return the vote in ``args``."""
    value = decode(args)
    if value is None:
        raise MessageError(f"no input: a vote is {_VOTE_EXAMPLE}")
    try:
        vote = VoteMessage.model_validate(value)
    except ValidationError as error:
        raise MessageError(f"{fault_of(error)}; a vote is {_VOTE_EXAMPLE}") from None
    if vote.answer and vote.reason not in ("", vote.answer):
        raise MessageError("a vote has a reason or an answer, and not both")
    vote = vote.model_copy(update={"reason": vote.answer or vote.reason})
    if vote.decision not in ("approve", "reject"):
        raise MessageError(f"decision: expected approve or reject, got {vote.decision!r}")
    return vote


def read_gate(args: Sequence[Any]) -> str | None:
    """Return the gate a query is about; None: it is about all of them."""
    return _named_or_all(args, "name of a gate")


def read_point(args: Sequence[Any]) -> str | None:
    """Return before what the point is that a query is about; None: it is about all of them."""
    return _named_or_all(args, "path of a stage or gate")


def _named_or_all(args: Sequence[Any], what: str) -> str | None:
    value = decode(args)
    if value is None or isinstance(value, str):
        return value
    raise MessageError(f'expected the {what}, such as "review", or no input')


def read_stage(args: Sequence[Any]) -> str:
    """Return the path of the stage that a message is about."""
    value = decode(args)
    if isinstance(value, str):
        return value
    raise MessageError('expected the path of a stage, such as "review"')


def read_decisions(args: Sequence[Any]) -> DecisionsRequest:
    """Return on which calls of a stage the decisions are asked."""
    value = decode(args)
    try:
        return DecisionsRequest.model_validate(value)
    except ValidationError as error:
        raise MessageError(fault_of(error)) from None


def read_start(workflow_type: str, args: Sequence[Any]) -> CompileRequest:
    """Return what is to be compiled for a run of ``workflow_type``."""
    value = decode(args, depth_max=DOCUMENT_DEPTH_MAX + 1)  # with what it is wrapped in (1)
    if workflow_type != PIPELINE:  # (2) a pipeline of the catalogue by name
        return _named(workflow_type, {} if value is None else value)
    if isinstance(value, str):
        return CompileRequest(source="input", text=value)
    if not isinstance(value, Mapping):
        raise MessageError(
            "expected a pipeline: YAML with --input-meta encoding=yaml/plain, a JSON object with "
            'stages, or {"pipeline": "<name>", "inputs": {...}}'
        )
    return _wrapped(value)


def read_promotion(args: Sequence[Any]) -> Wanted:
    """Return what a promotion is to do (3)."""
    value = _object_of(args, ("agent", "to"), '{"agent": "deploy.plan", "to": "T2"}')
    to = value["to"]
    name = f"T{to}" if type(to) is int else to
    if not isinstance(name, str) or name not in Tier.__members__:
        raise MessageError("to: expected a tier from T0 to T4")
    return Wanted(agent=value["agent"], to=Tier[name])


def read_reinstatement(args: Sequence[Any]) -> Wanted:
    """Return what a reinstatement is to do (3)."""
    example = '{"agent": "deploy.plan", "reason": "the key was replaced"}'
    value = _object_of(args, ("agent", "reason"), example)
    reason = value["reason"]
    if not isinstance(reason, str) or not reason.strip() or len(reason) > REASON_LENGTH_MAX:
        raise MessageError(f"reason: expected why, in at most {REASON_LENGTH_MAX} characters")
    return Wanted(agent=value["agent"], reason=reason)


def _object_of(args: Sequence[Any], names: tuple[str, ...], example: str) -> Mapping[str, Any]:
    value = decode(args)
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise MessageError(f"expected {' and '.join(names)}, such as {example}")
    why = refuse_agent_identity(value["agent"])
    if why is not None:
        raise MessageError(f"agent: {why}")
    return value


def _wrapped(value: Mapping[str, Any]) -> CompileRequest:
    inputs = value.get("inputs", {})
    if "stages" in value:  # (1): the document itself, whose "inputs" are declarations
        return CompileRequest(source="input", data=dict(value))
    unknown = sorted(set(value) - {"pipeline", "definition", "inputs"})
    if unknown or ("pipeline" in value) == ("definition" in value):
        raise MessageError(
            "expected a JSON object with stages, or with one of pipeline and definition and "
            f"with inputs; got {', '.join(sorted(map(str, value))) or 'nothing'}"
        )
    if not isinstance(inputs, Mapping):
        raise MessageError('inputs: expected an object such as {"environment": "staging"}')
    if "pipeline" in value:
        return _named(value["pipeline"], inputs)
    definition = value["definition"]
    if isinstance(definition, str):
        return CompileRequest(source="definition", text=definition, inputs=dict(inputs))
    if isinstance(definition, Mapping):
        return CompileRequest(source="definition", data=dict(definition), inputs=dict(inputs))
    raise MessageError("definition: expected a pipeline as YAML text or as an object")


def _named(name: Any, inputs: Any) -> CompileRequest:
    if not isinstance(name, str):
        raise MessageError(f"pipeline: expected the name of a pipeline, got {name!r}")
    if not isinstance(inputs, Mapping):
        raise MessageError(
            f'expected the inputs of {name!r} as an object such as {{"environment": "staging"}}'
        )
    return CompileRequest(source=name, name=name, inputs=dict(inputs))


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MessageError("the YAML input is not UTF-8") from None
