"""The page of an agent stage in the Web UI: which phase it is in, which try, since when.

1. A phase that the engine does alone is one marker in history, and no bar of the timeline: it is
   seen here.
2. It is pure, as the board of a run is, and drawn when somebody looks: times are those of history,
   so what runs says since when and not how long.
3. Which phase a stage is in its status says as the page does: ``mandate show`` asks for that. The
   board of the run does not, since each phase would have to be told to the run by events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from dsl.core import AgentPhase, StageStatus
from dsl.plan import RuntimePlan
from dsl.rules.health.clarification import Clarification, in_brief, lines_of
from dsl.shown.surfaces import Markdown

PHASES_SHOWN_MAX: Final = 30  # the last ones; eight, unless some are repeated
_SECOND_MS: Final = 1_000


class Entered(NamedTuple):
    """A phase, when it began, and the event of the workflow task in which it did."""

    phase: AgentPhase
    at: datetime
    event: int = 0


class Now(NamedTuple):
    """The phase that a stage is in, which try of it, and since when."""

    phase: AgentPhase
    number: int
    since: datetime

    def as_json(self) -> dict[str, Any]:
        """Return it as the status of a stage has it (3)."""
        began_ms = int(self.since.timestamp() * _SECOND_MS)
        return {"phase": self.phase.value, "try": self.number, "began_ms": began_ms}


class Ended(NamedTuple):
    """How a stage ended, why, and when."""

    status: StageStatus
    detail: str
    at: datetime


def now_of(entered: list[Entered], tries: int) -> Now | None:
    """Return which phase was entered last; a try of EXECUTE is one of the agent's ``tries``."""
    if not entered:
        return None
    phase, since = entered[-1].phase, entered[-1].at
    times = sum(each.phase is phase for each in entered)
    return Now(phase, max(1, tries) if phase is AgentPhase.EXECUTE else times, since)


def page(
    path: str,
    agent: str,
    tier: str,
    entered: list[Entered],
    *,
    tries: int,
    ended: Ended | None,
    runtime: RuntimePlan | None = None,
    waits_for: str = "",
    clarified: Clarification | None = None,
) -> Markdown:
    """Return the page in Markdown; ``runtime``: who does the work, if it is no program of ours."""
    if ended is not None:
        why = Markdown.of(": {}", ended.detail) if ended.detail else Markdown()
        now = [Markdown.of("- {}{}", ended.status, why)]
    elif waits_for:
        now = [Markdown.of("- now: it {}", waits_for)]
    elif at := now_of(entered, tries):
        words = (at.phase, at.number, _second(at.since))
        now = [Markdown.of("- now: {}, try {}, since {}", *words)]
    else:
        now = [Markdown("- now: it is put on the ledger")]
    lines = [
        Markdown.of("Stage {}\n", path),
        Markdown.of("- agent: {} ({})", agent, tier),
        *([Markdown.of("- done by: {}, in no sandbox", runtime)] if runtime else []),
        *now,
        *_clarified(clarified),
        *([Markdown.of("- tries of the agent: {}", tries)] if tries > 1 else []),
    ]
    if entered:
        lines += [Markdown("\n### Phases\n"), *_phases(entered, ended)]
    return Markdown.joined("\n", lines)


def _clarified(clarified: Clarification | None) -> list[Markdown]:
    """Return why the plan was made anew, and what it keeps to."""
    if clarified is None:
        return []
    told = (Markdown.of("- {}: {}", what, words) for what, words in lines_of(clarified))
    return [Markdown.of("- {}", in_brief(clarified)), *told]


def _phases(entered: list[Entered], ended: Ended | None) -> list[Markdown]:
    ends = [*(each.at for each in entered[1:]), ended.at if ended else None]
    rows = [
        Markdown.of("- {}: {} s", each.phase, round((end - each.at).total_seconds(), 2))
        if end is not None
        else Markdown.of("- {}: running", each.phase)
        for each, end in zip(entered, ends, strict=True)
    ]
    left_out = len(rows) - PHASES_SHOWN_MAX
    if left_out <= 0:
        return rows
    return [Markdown.of("- {} before that", left_out), *rows[-PHASES_SHOWN_MAX:]]


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
