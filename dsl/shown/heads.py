"""The head of an output: what a person is shown of it before it is approved.

1. What a program put out by its own choice comes first, then its answer and the report. The other
   accounts that the engine keeps of each phase are named, and have no head.
2. A head is a few lines of the bytes whose digest is signed, cut by named limits. That it was cut
   is said. It is shown through ``dsl.shown.surfaces``, like all text of others.
3. Whether something is text is told by its bytes: a media type is its author's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from dsl.core import AgentOutput, AgentPhase, Value
from dsl.limits import HEAD_LINE_MAX, HEAD_LINES_MAX
from dsl.shown.foreign import CUT

OWN: Final = 0  # by the program's own choice
ANSWER: Final = 1
HEADED_RANK_MAX: Final = 2
KEPT: Final = "Kept of each phase, also what the agent has said"  # above all others
_ACCOUNT: Final = 3
_ANSWER: Final = (AgentPhase.EXECUTE, "execute.json")
_REPORT: Final = (AgentPhase.REPORT, "report.md")
_ACCOUNTS: Final = frozenset(
    {
        (AgentPhase.BOOTSTRAP, "admission.json"),
        (AgentPhase.PREFLIGHT, "preflight.json"),
        (AgentPhase.PLAN, "plan.json"),
        (AgentPhase.PLAN, "plan.log"),
        (AgentPhase.EXECUTE, "execute.log"),
        (AgentPhase.VERIFY, "verification.json"),
        (AgentPhase.VERIFY, "verify.json"),
        (AgentPhase.VERIFY, "verify.log"),
        (AgentPhase.PACKAGE, "manifest.json"),
    }
)


class HeadState(StrEnum):
    """What was found under a digest; a wire value, and what people read."""

    TEXT = "text"
    NO_TEXT = "no text"
    TOO_LARGE = "too large for a head"
    GONE = "not in the artefact store"
    CHANGED = "no longer the bytes of its digest"


class Head(Value):
    """The first lines of one output (2)."""

    state: HeadState
    lines: tuple[str, ...] = ()
    is_cut: bool = False
    size: int | None = None  # bytes, as counted when it was read


def rank(phase: str, name: str) -> int:
    """Return how much an output tells a person (1): the less, the more."""
    if (phase, name) == _ANSWER:
        return ANSWER
    if (phase, name) == _REPORT:
        return HEADED_RANK_MAX
    return _ACCOUNT if (phase, name) in _ACCOUNTS else OWN


def by_rank(outputs: Mapping[str, Iterable[AgentOutput]]) -> list[tuple[str, AgentOutput]]:
    """Return outputs with their stages, the most telling first; of one name the last counts."""
    latest = {(path, each.name): each for path, several in outputs.items() for each in several}
    found = [(path, each) for (path, _), each in latest.items()]
    return sorted(found, key=lambda pair: (rank(pair[1].phase, pair[1].name), pair[0]))


def head_of(text: str, *, is_whole: bool, size: int | None = None) -> Head:
    """Return the head of a text; ``is_whole``: nothing of it is missing."""
    lines = text.removesuffix("\n").split("\n")
    long = any(len(line) > HEAD_LINE_MAX for line in lines[:HEAD_LINES_MAX])
    shown = tuple(_cut(line) for line in lines[:HEAD_LINES_MAX])
    is_cut = long or not is_whole or len(lines) > HEAD_LINES_MAX
    return Head(state=HeadState.TEXT, lines=shown, is_cut=is_cut, size=size)


def _cut(line: str) -> str:
    return line if len(line) <= HEAD_LINE_MAX else line[: HEAD_LINE_MAX - 1] + CUT
