"""The contract between Mandate and an agent, as types.

One JSON request line on stdin; JSON lines on stdout; text for people on stderr. Nothing here
starts a process: the contract is the same for an agent that runs inside a test.

What may be sent stands in ``dsl.agent_protocol``; here is what is taken, which is never less.

1. A message is a JSON object whose ``type`` is one of ``MESSAGE_TYPES``. Any other line is
   noise: kept as a hint for people, never acted upon.
2. Exactly one ``result``, and nothing that counts after it. ``status`` is ``ok`` or
   ``failed``; ``output`` is an object that can be put in canonical form and stays under
   ``RESULT_BYTES_MAX``; what is larger is an artifact.
3. An ``artifact`` names a file in the private directory; a name is given once, and none is one
   of ``RESERVED_NAMES``, or looks like it: nothing an agent made passes for the engine's own
   account.
4. JSON that other readers read differently, or cannot read, is noise: a key twice, NaN, lone
   surrogates; see ``dsl.values.strict_json``. In a message that is acted upon it breaks the
   contract, and so does any message that is nested too deep: what acts upon it is never left to
   guess.
5. Who ends without a result is told of the line that looks like one, and what is wrong with it.
6. Secrets travel in the request only, which is written to stdin and shown to nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dsl.agent_protocol.messages import (
    MEDIA_TYPE_PATTERN,
    MESSAGE_TYPES,
    RESERVED_PATTERN,
    VERSION,
)
from dsl.core import OUTPUT_NAME_PATTERN, AgentPhase, Tier
from dsl.limits import AGENT_LINE_BYTES_MAX, REASON_LENGTH_MAX, RESULT_BYTES_MAX
from dsl.rules.gates.questions import Question
from dsl.values import strict_json
from dsl.values.canonical import canonical
from dsl.values.strict_json import JsonError, NotJsonError, TooDeepError
from integrations.errors import IntegrationError

RESULT_STATUSES: Final = ("ok", "failed")
_DECIDE: Final = (
    "result",
    "artifact",
    "checkpoint",
    "question",
    "tool_call",
)  # messages that are acted upon
_BOM: Final = b"\xef\xbb\xbf"  # some runtimes begin their output with it
_TYPE: Final = re.compile(rb'"type"\s*:\s*"(' + "|".join(MESSAGE_TYPES).encode() + rb')"')
_LIKE_A_RESULT: Final = re.compile(rb"""["']type["']\s*:\s*["']result["']""", re.IGNORECASE)
_ASTRAL: Final = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]")  # a character beyond U+FFFF
ARTIFACT_NAME: Final = re.compile(OUTPUT_NAME_PATTERN)
RESERVED: Final = re.compile(RESERVED_PATTERN)
MEDIA_TYPE: Final = re.compile(MEDIA_TYPE_PATTERN)

# The kinds of AgentError; `retryable` says whether another attempt may end better.
PROTOCOL: Final = "protocol"  # the contract is broken
TIMEOUT: Final = "timeout"  # no result in time
SIGNAL: Final = "signal"  # ended by a signal
EXIT: Final = "exit"  # a status other than 0
TEMPFAIL: Final = "tempfail"  # status 75: "try again later"
FAILED: Final = "failed"  # the agent says that its work failed
KEEPER: Final = "keeper"  # the keeper vanished
LEAK: Final = "leak"  # an artifact holds a secret
QUOTA: Final = "quota"  # it took more than it may
ESCAPE: Final = "escape"  # it reached out of its sandbox, or would not end


class AgentError(IntegrationError):
    """The agent did not deliver.

    ``detail`` is what a person needs to see why; like the message it is already redacted.
    ``secrets`` and ``tokens`` say how many were taken out of what it had said until then.
    ``outcome`` is there when the agent delivered but says that its work failed: its artifacts
    tell why.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retryable: bool,
        outcome: Outcome | None = None,
        **detail: Any,
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.retryable = retryable
        self.outcome = outcome
        self.detail = detail
        self.secrets = 0
        self.tokens = 0
        self.checkpoint: dict[str, Any] | None = None  # what the next try may begin from


class QuestionAskedError(Exception):
    """The agent asks people; it was ended, and begins again with their answer."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.id)
        self.question = question
        self.secrets = 0  # as in AgentError
        self.tokens = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What an agent is told. ``deadline`` is Unix time in seconds.

    ``fence`` rises with each time that the agent's lease is granted: whoever keeps the highest it
    has seen can refuse one that was overtaken.
    """

    run: str
    stage: str
    phase: AgentPhase
    attempt: int
    deadline: float
    workdir: Path
    tier: Tier
    input: Mapping[str, Any] = field(default_factory=dict)
    prior: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  # (6) shown to nobody
    fence: int = 0
    checkpoint: Mapping[str, Any] | None = None  # see ``integrations.agents.contract.checkpoints``
    answers: Mapping[str, str] = field(default_factory=dict)  # by id of the question
    clarification: Mapping[str, Any] | None = None  # of the plan: reasons, constraints, scope
    tools: Sequence[Mapping[str, Any]] = ()  # that it may call, in EXECUTE
    may_ask: bool = False  # not told: who is to be asked is for the pipeline to say

    def line(self, **more: Any) -> bytes:
        """Return the request, with ``more`` fields, as the line an agent reads.

        It holds the secrets.
        """
        document = {
            "v": VERSION,
            "run": self.run,
            "stage": self.stage,
            "phase": self.phase.value,
            "attempt": self.attempt,
            "fence": self.fence,
            "deadline": self.deadline,
            "workdir": str(self.workdir),
            "tier": int(self.tier),
            "input": dict(self.input),
            "prior": dict(self.prior),
            "secrets": dict(self.secrets),
            "checkpoint": self.checkpoint if self.checkpoint is None else dict(self.checkpoint),
            "answers": dict(self.answers),
            "clarification": None if self.clarification is None else dict(self.clarification),
            "tools": [dict(each) for each in self.tools],
            **more,
        }
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One message of an agent other than its result."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What an agent delivered; it may have decided that its work failed."""

    ok: bool
    output: dict[str, Any]
    summary: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file an agent left behind: a regular one, inside the private directory."""

    name: str
    path: Path
    media_type: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an agent delivered, and how its run went; everything in it is redacted."""

    result: Result
    events: tuple[Event, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    noise: tuple[str, ...] = ()
    stderr: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    level: str = "none"  # of the sandbox that was reached
    dropped: int = 0  # events beyond the limit
    log: bytes = b""  # all it said, in order
    secrets: int = 0  # that it was told, and that were taken out of what it said
    tokens: int = 0  # what looked like one, likewise


def parse_message(line: bytes) -> dict[str, Any] | None:
    """Return the message on a line, or None when the line is noise (1), (4).

    Raises:
        AgentError: of kind ``protocol``: it is a message that nobody should have to guess at (4).
    """
    text = line.removeprefix(_BOM)
    try:
        message = strict_json.read(text, bytes_max=AGENT_LINE_BYTES_MAX)
        if not _is_message(message):
            return None
        if _ASTRAL.search(text):
            canonical(message)  # refuses them in keys
    except ValueError as error:
        kind = _kind_of(text, error)
        if kind in _DECIDE or (kind is not None and isinstance(error, TooDeepError)):
            raise broken(f"a message of type {kind!r} cannot be taken: {error}") from None
        return None
    return dict(message)


def flaw_of_a_result(line: bytes) -> str | None:
    """Say what is wrong with noise that looks like a result (5); None: it does not."""
    if not _LIKE_A_RESULT.search(line.replace(b"\0", b"")):  # also as UTF-16
        return None
    try:
        strict_json.read(line.removeprefix(_BOM), bytes_max=AGENT_LINE_BYTES_MAX)
    except NotJsonError as error:
        return f"{error} (a message is one JSON object, alone on one line)"
    except JsonError as error:
        return str(error)
    return 'it is no object with "type": "result"'


def parse_result(message: Mapping[str, Any]) -> Result:
    """Check a ``result`` message.

    Raises:
        AgentError: of kind ``protocol``: not what (2) says.
    """
    status, output = message.get("status"), message.get("output", {})
    if status not in RESULT_STATUSES:
        raise broken(f'result.status must be "ok" or "failed", got {str(status)[:40]!r}')
    if not isinstance(output, dict):
        raise broken(f"result.output must be an object, got {type(output).__name__}")
    try:
        size = len(canonical(output).encode())
    except ValueError as error:
        raise broken(f"result.output has no canonical form: {error}") from error
    if size > RESULT_BYTES_MAX:
        raise broken(
            f"result.output has {size} bytes, at most {RESULT_BYTES_MAX} are allowed; "
            "put it into an artifact"
        )
    return Result(status == "ok", output, str(message.get("summary", ""))[:REASON_LENGTH_MAX])


def broken(message: str, **detail: Any) -> AgentError:
    """Return the error of an agent that breaks the contract: another attempt breaks it too."""
    return AgentError(PROTOCOL, message, retryable=False, **detail)


def escaped(message: str) -> AgentError:
    """Return the error of an agent that reached out of its sandbox."""
    return AgentError(ESCAPE, message, retryable=False)


def _is_message(value: Any) -> bool:
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind in MESSAGE_TYPES


def _kind_of(text: bytes, error: ValueError) -> str | None:
    """Return which message a refused line would be to a reader that is less strict."""
    if isinstance(error, NotJsonError):
        return None
    if isinstance(error, TooDeepError):
        found = _TYPE.search(text) if text.lstrip().startswith(b"{") else None
        return found[1].decode() if found else None
    try:
        value = json.loads(text, parse_int=str)  # none too long for Python; not too deep it is
    except ValueError:
        return None
    return value["type"] if _is_message(value) else None
