"""The calls of one stage so far: what was answered, and what is never done a second time.

Pure. An agent's program may be started again: its worker died, it failed and is tried again, or it
had asked people. It then makes its calls again, and must neither ask nor act twice. The rules:

1. The same call at the same ordinal gets the recorded answer. Another call at an ordinal that is
   taken is another call, and is decided anew.
2. A call of which nobody knows whether it was made is never made again: an equal one, at whatever
   ordinal, is denied until a person has said what happened. So it is as long as one is under way.
3. What was let through, or asked about, counts for the limits of its rule, whatever came of it.
4. A stage that waits for people hands its journal on, so there is room for
   ``TOOL_JOURNAL_BYTES_MAX``. Who works in its place is handed what nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from pydantic import Field

from dsl.core import Value
from dsl.limits import (
    TOOL_ANSWER_BYTES_MAX,
    TOOL_JOURNAL_BYTES_MAX,
    TOOL_SENTENCE_LENGTH_MAX,
)
from dsl.rules.tools.ruling import Passed
from dsl.values.sizes import wire_bytes


class CallStatus(StrEnum):
    """What became of a call; the words of the contract of agents."""

    OK = "ok"  # made, and its server says that it went well
    ERROR = "error"  # made, and its server says that it did not
    DENIED = "denied"
    NOT_MADE = "not_made"
    UNKNOWN = "unknown"  # it may have been made


MADE: Final = (CallStatus.OK, CallStatus.ERROR)


class CallAnswer(Value):
    """What became of a call, as history keeps it."""

    status: CallStatus
    text: str = Field(default="", max_length=TOOL_SENTENCE_LENGTH_MAX)  # a sentence, or the answer
    digest: str = ""  # of an answer in the artefact store, which is too long for here
    size: int = Field(default=0, ge=0, le=TOOL_ANSWER_BYTES_MAX)  # bytes of that


class JournalEntry(Value):
    """One call at its place."""

    ordinal: int = Field(ge=1)
    call: str  # digest
    name: str  # server and tool
    policy: str  # as it was ruled
    rule: int = Field(default=0, ge=0)
    at_ms: int = 0
    ended_ms: int = 0
    answer: CallAnswer


class Journal:
    """The calls of one stage that were answered."""

    def __init__(self, entries: tuple[JournalEntry, ...] = ()) -> None:
        self._entries: dict[tuple[int, str], JournalEntry] = {}
        self._bytes = 0
        for each in entries:
            self.keep(each)

    def __iter__(self) -> Iterator[JournalEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def answered(self, ordinal: int, call: str) -> CallAnswer | None:
        """Return the recorded answer (1)."""
        found = self._entries.get((ordinal, call))
        return None if found is None else found.answer

    def keep(self, entry: JournalEntry) -> None:
        """Keep what became of a call."""
        self._entries[(entry.ordinal, entry.call)] = entry
        self._bytes += wire_bytes(entry)

    def refuse(self) -> str | None:
        """Say why nothing more can be kept (4)."""
        if self._bytes <= TOOL_JOURNAL_BYTES_MAX:
            return None
        return f"the calls of the stage have more than {TOOL_JOURNAL_BYTES_MAX} bytes together"

    def unknown(self) -> tuple[JournalEntry, ...]:
        """Return the calls of which nobody knows whether they were made (4)."""
        return tuple(each for each in self if each.answer.status is CallStatus.UNKNOWN)

    def refuse_repeat(
        self, ordinal: int, call: str, under_way: Iterable[tuple[int, str]] = ()
    ) -> str | None:
        """Say why a call is not made that is equal to another (2).

        ``under_way``: places of calls that are not over, in the order in which they were taken.
        """
        for place in under_way:
            if place == (ordinal, call):
                break  # what was taken later is not before it
            if place[1] == call:
                return f"call {place[0]}, which is equal to it, is under way: wait for its answer"
        for each in self.unknown():
            if each.call == call:
                return (
                    f"nobody knows whether call {each.ordinal}, which is equal to it, was made: "
                    "it is not made again"
                )
        return None

    def passed(self) -> list[Passed]:
        """Return what counts for the limits of rules (3)."""
        return [Passed(each.rule, each.at_ms) for each in self if each.policy != "deny"]
