"""What an agent said, in the order it came: text for people, kept however its try ends.

1. One line for each line it said, with the seconds since it began and where it said it:
   ``+1.204 progress 42 of 100 files``, ``+1.310 stderr Traceback …``, ``+1.311 stdout noise``.
2. At most ``AGENT_LOG_BYTES_MAX``: the beginning and the end are kept, and how much lies between
   is said.
3. Redaction comes first, cutting second. What was said in one stream one after the other is
   redacted together, for a secret may have several lines; where something is left out, what may be
   half a secret goes as well.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from dsl.limits import AGENT_LOG_BYTES_MAX
from integrations.agents.contract.protocol import Artifact
from integrations.redaction import Redactor

STDERR: Final = "stderr"
STDOUT: Final = "stdout"  # what is no message
MEDIA_TYPE: Final = "text/plain"
_HALF: Final = AGENT_LOG_BYTES_MAX * 3 // 8  # of what is kept as it came: lines get longer
_LINE_MAX: Final = 8_192  # characters
_CUT: Final = " [...]"


@dataclass(frozen=True, slots=True)
class Left:
    """What an agent that did not deliver has left: what it had said, and announced."""

    log: bytes
    artifacts: tuple[Artifact, ...] = ()
    step: str = ""  # the last it said of where it is


@dataclass(frozen=True, slots=True)
class _Entry:
    seconds: float
    kind: str  # a stream, or the type of a message
    data: bytes
    number: int = 0
    is_message: bool = False  # redacted already, and no part of what stands beside it

    @property
    def group(self) -> object:
        return id(self) if self.is_message else self.kind


class Log:
    """Collects it; ``lines`` says it when the agent has ended."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact.including(())  # what it replaces is not counted twice
        self._began = time.monotonic()
        self._head: list[_Entry] = []
        self._tail: deque[_Entry] = deque()
        self._head_bytes = self._tail_bytes = self._left_out = 0
        self.count = 0  # of all that was heard
        self.last_step = ""  # what it said last of where it is

    def message(self, kind: str, data: Mapping[str, Any]) -> None:
        """Hear a message, which is redacted already; a heartbeat says nothing."""
        if kind == "heartbeat":
            return
        said = data.get("message")
        if isinstance(said, str) and kind == "progress":
            self.last_step = said.strip().split("\n", 1)[0][:_LINE_MAX] or self.last_step
        rest = {name: value for name, value in data.items() if name != "message"}
        words = [said if isinstance(said, str) else "", json.dumps(rest) if rest else ""]
        text = " ".join(word for word in words if word)[: _LINE_MAX + 1]
        said_of = text.encode(errors="replace")
        self._add(_Entry(self._now(), kind, said_of, self.count, is_message=True))

    def text(self, stream: str, data: bytes) -> None:
        """Hear what is no message, as it came."""
        self._add(_Entry(self._now(), stream, data, self.count))

    def take_back(self, stream: str, since: int) -> None:
        """Forget what came in a stream since so many entries, but for messages."""
        self._tail_bytes -= _taken_back(self._tail, stream, since)
        self._head_bytes -= _taken_back(self._head, stream, since)

    def lines(self) -> bytes:
        """Return all of it (1) (2)."""
        if not self._left_out:
            return self._bounded(self._rendered([*self._head, *self._tail]))
        head = self._rendered(self._head, cut_behind=True)
        tail = self._rendered(self._tail, cut_before=True)
        gap = f"[... {self._left_out} bytes are left out ...]\n".encode()
        room = (AGENT_LOG_BYTES_MAX - len(gap)) // 2
        return head[:room] + gap + tail[-room:]

    def _now(self) -> float:
        return time.monotonic() - self._began

    def _add(self, entry: _Entry) -> None:
        self.count += 1
        if not (self._tail or self._left_out) and self._head_bytes + len(entry.data) <= _HALF:
            self._head.append(entry)
            self._head_bytes += len(entry.data)
            return
        self._tail.append(entry)
        self._tail_bytes += len(entry.data)
        while self._tail_bytes > _HALF:
            gone = self._tail.popleft()
            self._tail_bytes -= len(gone.data)
            self._left_out += len(gone.data)

    def _rendered(
        self, entries: Iterable[_Entry], *, cut_before: bool = False, cut_behind: bool = False
    ) -> bytes:
        groups = [list(each) for _, each in groupby(entries, lambda entry: entry.group)]
        lines: list[str] = []
        for number, group in enumerate(groups):
            if group[0].is_message:  # it stands alone
                lines += _prefixed(group[0], group[0].data.decode(errors="replace"))
                continue
            text = b"".join(entry.data for entry in group).decode(errors="replace")
            text = self._clean(
                text,
                cut_before=cut_before and number == 0,
                cut_behind=cut_behind and number == len(groups) - 1,
            )
            lines += _prefixed(group[0], text)
        return "".join(lines).encode(errors="replace")

    def _clean(self, text: str, *, cut_before: bool, cut_behind: bool) -> str:
        text = self._redact.cut_text(text) if cut_before else self._redact.text(text)
        return self._redact.cut_end(text) if cut_behind else text

    @staticmethod
    def _bounded(data: bytes) -> bytes:
        if len(data) <= AGENT_LOG_BYTES_MAX:
            return data
        room = AGENT_LOG_BYTES_MAX // 2 - len(_CUT) - 1
        return data[:room] + _CUT.encode() + b"\n" + data[-room:]


def _taken_back(entries: list[_Entry] | deque[_Entry], stream: str, since: int) -> int:
    """Take them from the end of what stands in order; return how many bytes those were.

    What came before is not looked at: an agent has this done as often as it says half a call, in
    the loop that keeps the leases of all agents here.
    """
    kept, size = [], 0
    while entries and entries[-1].number >= since:
        entry = entries.pop()
        if entry.is_message or entry.kind != stream:
            kept.append(entry)
        else:
            size += len(entry.data)
    entries.extend(reversed(kept))
    return size


def _prefixed(entry: _Entry, text: str) -> list[str]:
    start = f"+{entry.seconds:.3f} {entry.kind} "
    return [
        (start + (line if len(line) <= _LINE_MAX else line[:_LINE_MAX] + _CUT)).rstrip() + "\n"
        for line in text.splitlines() or [""]
    ]
