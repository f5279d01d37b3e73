"""What an agent says, read line by line, redacted, and kept within limits.

1. A line longer than ``AGENT_LINE_BYTES_MAX``, more output than ``AGENT_OUTPUT_BYTES_MAX``, or
   a message after the result is a breach of the contract.
2. Noise is kept as a hint: its first lines, cut short. Of stderr the end is kept.
3. Events beyond ``AGENT_EVENTS_MAX``, or ``AGENT_EVENTS_BYTES_MAX``, are heard but not kept;
   heartbeats are never kept.
4. Redaction comes first, cutting second. What it has replaced is counted.
5. Of calls no argument is kept: see ``integrations.agents.contract.calls``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from dsl.limits import (
    AGENT_EVENTS_BYTES_MAX,
    AGENT_EVENTS_MAX,
    AGENT_LINE_BYTES_MAX,
    AGENT_NOISE_LINES_MAX,
    AGENT_OUTPUT_BYTES_MAX,
    AGENT_STDERR_BYTES_MAX,
    MESSAGE_LENGTH_MAX,
)
from integrations.agents.contract.calls import NO_CALL, kept_of, may_be_call, may_begin_call
from integrations.agents.contract.log import STDERR, STDOUT, Log
from integrations.agents.contract.protocol import (
    RESULT_STATUSES,
    AgentError,
    Event,
    Result,
    broken,
    flaw_of_a_result,
    parse_message,
    parse_result,
)
from integrations.redaction import Redactor

_CHUNK: Final = 1 << 16
_UTF8_MAX: Final = 4  # bytes a character
_NO_CHARACTER: Final = "\ufffd"  # what bytes that are none are decoded to


class Transcript:
    """Collects the messages of one run; everything in it is redacted."""

    def __init__(
        self,
        redact: Redactor,
        on_event: Callable[[Event], None] | None,
        on_checkpoint: Callable[[dict[str, Any]], None] | None = None,
        on_question: Callable[[dict[str, Any]], None] | None = None,
        on_call: Callable[[dict[str, Any], bool], None] | None = None,
    ) -> None:
        self._redact = redact
        self._on_event = on_event
        self._on_checkpoint = on_checkpoint
        self._on_question = on_question
        self._on_call = on_call
        self._error_tail = bytearray()
        self._error_cut = False
        self._output_bytes = 0
        self._events_bytes = 0
        self._lines = 0
        self._is_call = False  # what comes until the next message may be part of one (5)
        # Where that may have begun, as what is kept has it.
        self._begun: tuple[int, int] | None = None
        self._flaw = ""  # of the last line that looks like a result, and is none
        self.log = Log(redact)
        self.result: Result | None = None
        self.events: list[Event] = []
        self.artifacts: list[dict[str, Any]] = []
        self.noise: list[str] = []
        self.dropped = 0

    @cached_property
    def stderr(self) -> str:
        """The end of what the agent told people; asked for when it has ended."""
        text = self._error_tail.decode(errors="replace")
        if self._error_cut:  # perhaps in the middle of a character, or of a secret
            text = self._redact.cut_text(text.lstrip(_NO_CHARACTER))
        else:
            text = self._redact.text(text)
        return text[-AGENT_STDERR_BYTES_MAX:]

    def taken_out(self) -> tuple[int, int]:
        """Return how many secrets, and how much that looks like a token, it has said."""
        _ = self.stderr  # redacted when it is asked for
        return self._redact.replaced.secrets, self._redact.replaced.tokens

    def no_result(self) -> AgentError:
        """Return the error of an agent that has ended without a result."""
        return broken(f"ended without a result{self._flaw}", stderr=self.stderr, noise=self.noise)

    async def read_messages(self, stream: asyncio.StreamReader) -> None:
        """Read stdout to its end.

        Raises:
            AgentError: of kind ``protocol``; the agent must be stopped.
        """
        while line := await _read_line(stream):
            self._output_bytes += len(line)
            if self._output_bytes > AGENT_OUTPUT_BYTES_MAX:
                raise broken(f"more than {AGENT_OUTPUT_BYTES_MAX} bytes of output")
            self._hear(line)

    async def read_stderr(self, stream: asyncio.StreamReader) -> None:
        """Read stderr to its end, keeping enough that a secret is not cut in two (4)."""
        keep = AGENT_STDERR_BYTES_MAX + self._redact.margin * _UTF8_MAX
        while chunk := await stream.read(_CHUNK):
            self.log.text(STDERR, chunk)
            self._error_tail += chunk
            self._error_cut = self._error_cut or len(self._error_tail) > keep
            del self._error_tail[:-keep]

    def _hear(self, line: bytes) -> None:
        self._lines += 1
        try:
            message = parse_message(line)
        except AgentError as error:
            self._keep_text(line)
            raise self._redacted(error) from None
        if message is None:
            self._keep_noise(line)
            return
        self._is_call, self._begun = False, None
        if self.result is not None:
            self._keep_text(line)
            raise broken(f"a message of type {message['type']!r} after the result")
        # Not redacted: words of the contract, which a short secret could happen to equal.
        kind = message.pop("type")
        ours = kind == "result" and message.get("status") in RESULT_STATUSES
        status = message.pop("status") if ours else None
        data = self._redact.value(message)
        if kind == "result":
            self.log.message(kind, {"status": status or data.get("status"), **data})
            self.result = self._check_result({**data, "status": status} if ours else data)
        else:
            if kind == "tool_call":
                if self._on_call is not None:
                    self._on_call(data, data != message)
                data = kept_of(data)  # (5) hidden ones among them, and nobody here knows which
            self._keep(Event(kind, data), len(line))

    def _keep_noise(self, line: bytes) -> None:
        line = self._keep_text(line)
        if len(self.noise) < AGENT_NOISE_LINES_MAX and line.strip():
            text = self._redact.text(line.decode(errors="replace").strip())
            self.noise.append(text[:MESSAGE_LENGTH_MAX])
        flaw = flaw_of_a_result(line)
        if flaw is not None:
            text = self._redact.text(flaw)
            self._flaw = f"; line {self._lines} of its output looks like one, but {text}"

    def _keep_text(self, line: bytes) -> bytes:
        """Keep what is no message; return what may be kept of it (5)."""
        if self._is_call:
            return b""
        if may_begin_call(line):
            self._begun = self.log.count, len(self.noise)
        if may_be_call(line):
            self._is_call = True
            if self._begun is not None:
                self.log.take_back(STDOUT, self._begun[0])
                del self.noise[self._begun[1] :]
            line = NO_CALL
        self.log.text(STDOUT, line)
        return line

    def _check_result(self, data: dict[str, Any]) -> Result:
        try:
            return parse_result(data)
        except AgentError as error:
            raise self._redacted(error) from None

    def _redacted(self, error: AgentError) -> AgentError:
        return broken(self._redact.text(str(error).partition(": ")[2]))

    def _keep(self, event: Event, size: int) -> None:
        self.log.message(event.type, event.data)
        if event.type == "checkpoint":  # kept by whoever starts the next try
            if self._on_checkpoint is not None:
                self._on_checkpoint(event.data)
            return
        if event.type == "question" and self._on_question is not None:
            self._on_question(event.data)
        if event.type == "artifact":
            self.artifacts.append(event.data)
        self._events_bytes += size
        if len(self.events) >= AGENT_EVENTS_MAX or self._events_bytes > AGENT_EVENTS_BYTES_MAX:
            self.dropped += 1
        elif event.type != "heartbeat":
            self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        raise broken(f"a line is longer than {AGENT_LINE_BYTES_MAX} bytes") from None
