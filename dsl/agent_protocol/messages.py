"""What the engine and an agent's program write to each other, one JSON object a line.

These models are the contract: its JSON Schema is made from them, see the module beside this one.
They say what is to be *sent*. What is taken is decided where it is read, in
``integrations.agents.contract.protocol``, and that is never less. The rules:

1. Fields that are not named here are allowed and mean nothing: a later minor release may send
   more, and neither side may choke on it. What changes a meaning raises ``VERSION``.
2. A program refuses a ``v`` that it does not know, with exit status 78, before it does anything.
3. Whatever decides something is closed: the names of messages, ``status``, names of artifacts.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dsl.core import OUTPUT_NAME_PATTERN, QUESTION_ID_PATTERN, AgentPhase
from dsl.limits import (
    CHOICE_LENGTH_MAX,
    CHOICES_MAX,
    QUESTION_LENGTH_MAX,
    REASON_LENGTH_MAX,
    TOOL_PURPOSE_LENGTH_MAX,
)

VERSION: Final = 1
CALL_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"
MEDIA_TYPE_PATTERN: Final = r"^[a-z0-9.+-]{1,63}/[A-Za-z0-9.+-]{1,63}(; ?charset=[a-z0-9-]{1,63})?$"
# What the engine itself puts out for a stage, beside what the agent does.
RESERVED_NAMES: Final = frozenset(
    {
        "admission.json",
        "preflight.json",
        "plan.json",
        "plan.log",
        "execute.json",
        "execute.log",
        "verify.json",
        "verify.log",
        "verification.json",
        "manifest.json",
        "report.md",
    }
)
_ALIKE: Final = {"i": "IiLl1", "l": "IiLl1", "o": "Oo0", ".": "."}


def _looks_like(name: str) -> str:
    """Return the pattern of what a person, or a file system without case, takes for ``name``."""
    return "".join(f"[{_ALIKE.get(each, each.upper() + each)}]" for each in name)


RESERVED_PATTERN: Final = rf"^({'|'.join(map(_looks_like, sorted(RESERVED_NAMES)))})\.*$"

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
MediaType = Annotated[str, Field(pattern=MEDIA_TYPE_PATTERN)]
ArtifactName = Annotated[
    str,
    Field(
        pattern=OUTPUT_NAME_PATTERN,
        json_schema_extra={"not": {"pattern": RESERVED_PATTERN}},
    ),
]


class Line(BaseModel):
    """One line; a field that is not named here means nothing (1)."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class Earlier(Line):
    """A file that an earlier phase or stage put out, copied into the private directory."""

    path: str
    digest: Digest
    media_type: MediaType


class Handed(Line):
    """The last checkpoint of the try before: what was said, or the file, copied again."""

    data: dict[str, Any] | None = None
    path: str | None = None
    digest: Digest | None = None
    size: Annotated[int, Field(ge=0)] | None = None


class ClarificationLine(Line):
    """Why the plan is made anew, and what it has to keep to: the agent has erred too much."""

    number: Annotated[int, Field(ge=1)]
    plan: Digest
    reasons: list[str]
    constraints: list[str]
    scope: list[str]


class ToolTold(Line):
    """A tool that the stage may call, in the words of its server that somebody has read."""

    server: str
    tool: str
    description: str = ""
    input_schema: dict[str, Any] | None = None


class RequestLine(Line):
    """What a program is asked: the first line on its stdin."""

    v: Literal[1]
    run: str
    stage: str
    phase: Literal[AgentPhase.PLAN, AgentPhase.EXECUTE, AgentPhase.VERIFY]
    attempt: Annotated[int, Field(ge=1)]
    fence: Annotated[int, Field(ge=0)]
    deadline: Annotated[float, Field(ge=0)]
    workdir: str
    tier: Annotated[int, Field(ge=0, le=4)]
    input: dict[str, Any]
    prior: dict[str, Earlier]
    secrets: dict[str, str]
    checkpoint: Handed | None
    answers: dict[str, str]
    clarification: ClarificationLine | None
    tools: list[ToolTold] = []


class AnswerLine(Line):
    """What people have answered: a further line on the stdin of a program that waits for it."""

    type: Literal["answer"]
    id: Annotated[str, Field(pattern=QUESTION_ID_PATTERN)]
    answer: str
    deadline: Annotated[float, Field(ge=0)]  # of the request, moved on by the time it waited


class ToolResultLine(Line):
    """What became of a call: a further line on the stdin of a program that waits for it."""

    type: Literal["tool_result"]
    id: Annotated[str, Field(pattern=CALL_ID_PATTERN)]
    status: Literal["ok", "error", "denied", "not_made", "unknown"]
    text: str
    deadline: Annotated[float, Field(ge=0)]  # of the request, moved on by the time it waited


class Log(Line):
    """Something to be remembered."""

    type: Literal["log"]
    message: str
    level: Literal["debug", "info", "warning", "error"] = "info"


class Progress(Line):
    """How far it is; shown while it works."""

    type: Literal["progress"]
    message: str


class Heartbeat(Line):
    """A sign of life; none is needed, and none is kept."""

    type: Literal["heartbeat"]


class Error(Line):
    """What went wrong, in a sentence; it ends nothing."""

    type: Literal["error"]
    message: str


class ArtifactLine(Line):
    """A file in the private directory that is to be kept, under a name that is given once."""

    type: Literal["artifact"]
    name: ArtifactName
    path: Annotated[str, Field(min_length=1, pattern=r"^[^/\u0000][^\u0000]*$")]
    media_type: MediaType = "application/octet-stream"


class QuestionLine(Line):
    """Something that people are to answer: wait for the answer on stdin, and be ready to end."""

    type: Literal["question"]
    id: Annotated[str, Field(pattern=QUESTION_ID_PATTERN)]
    text: Annotated[str, Field(min_length=1, max_length=QUESTION_LENGTH_MAX)]
    choices: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=CHOICE_LENGTH_MAX)]],
        Field(max_length=CHOICES_MAX, json_schema_extra={"uniqueItems": True}),
    ] = []
    default: Annotated[str, Field(max_length=QUESTION_LENGTH_MAX)] = ""


class ToolCallLine(Line):
    """A call of a tool: wait for its result on stdin. Whether it is made is decided elsewhere."""

    type: Literal["tool_call"]
    id: Annotated[str, Field(pattern=CALL_ID_PATTERN)]
    server: str
    tool: str
    arguments: dict[str, Any] = {}
    why: Annotated[str, Field(max_length=TOOL_PURPOSE_LENGTH_MAX)] = ""


class CheckpointLine(Line):
    """What the next try begins from: a small object, or a file at the top of the directory."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["data"]}, {"required": ["path"]}]}
    )

    type: Literal["checkpoint"]
    data: dict[str, Any] = {}
    path: Annotated[str, Field(pattern=OUTPUT_NAME_PATTERN)] = ""

    @model_validator(mode="after")
    def _is_one(self) -> CheckpointLine:
        if len({"data", "path"} & self.model_fields_set) != 1:
            raise ValueError("expected data or path, and not both")
        return self


class ResultLine(Line):
    """What it came to: exactly one, and nothing after it."""

    type: Literal["result"]
    status: Literal["ok", "failed"]
    summary: Annotated[str, Field(max_length=REASON_LENGTH_MAX)] = ""
    output: dict[str, Any] = {}


Message = Annotated[
    Log
    | Progress
    | Heartbeat
    | Error
    | ArtifactLine
    | QuestionLine
    | CheckpointLine
    | ToolCallLine
    | ResultLine,
    Field(discriminator="type"),
]
MESSAGES: Final = (
    *(Log, Progress, Heartbeat, Error),
    *(ArtifactLine, QuestionLine, CheckpointLine, ToolCallLine, ResultLine),
)
MESSAGE_TYPES: Final = frozenset(
    {
        "log",
        "progress",
        "heartbeat",
        "error",
        "artifact",
        "question",
        "checkpoint",
        "tool_call",
        "result",
    }
)
