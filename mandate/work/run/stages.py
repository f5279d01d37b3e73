"""The stages of a run, as ``mandate show`` has them: how each stands, and what it is at.

1. How a stage stands its run says. In which phase it is, which try that is and since when, it says
   itself, and is asked for while it is at work.
2. One that does not say, says what is none, or is of a release before, is shown without that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from dsl.core import AgentPhase
from dsl.rules.health.budget import BudgetReading
from dsl.rules.run.foremost import counted, foremost
from dsl.shown.surfaces import Terminal
from dsl.values.canonical import INTEGER_MAX
from dsl.values.durations import render_duration
from mandate.columns import columns
from mandate.people.accounts import Told

_SECOND_MS: Final = 1_000


class PhaseNow(BaseModel):
    """The phase that a stage is in, as it says (1)."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    phase: AgentPhase
    number: StrictInt = Field(alias="try", ge=1, le=INTEGER_MAX)
    began_ms: StrictInt = Field(ge=0, le=INTEGER_MAX)

    def words(self, now: datetime) -> str:
        """Return it for people."""
        seconds = max(0, int(now.timestamp() * _SECOND_MS) - self.began_ms) / _SECOND_MS
        return f"{self.phase}, try {self.number}, for {lasted(seconds)}"


class _SaysNow(BaseModel):
    now: PhaseNow | None = None


@dataclass(frozen=True, slots=True)
class AtWork:
    """What is known of stages at work besides what their run says, by their paths."""

    budgets: Mapping[str, BudgetReading] = field(default_factory=dict)
    phases: Mapping[str, PhaseNow] = field(default_factory=dict)


IDLE: Final = AtWork()


def phases_in(said: Mapping[str, Mapping[str, Any]]) -> dict[str, PhaseNow]:
    """Return the phases of stages at work; ``said``: what they say of themselves (2)."""
    found = {path: _phase(status) for path, status in said.items()}
    return {path: phase for path, phase in found.items() if phase is not None}


def stages_table(told: Told, most: int | None, at_work: AtWork) -> Iterator[Terminal]:
    """Yield the lines of the stages, of more than ``most`` what matters most."""
    rows, now = told.stages, datetime.now(UTC)
    brief = {path: {"status": row.status} for path, row in rows.items()}
    shown = tuple(rows) if most is None else foremost(brief, most)
    if shown:
        table = [("STAGE", "TYPE", "STATUS", "TOOK", "DETAIL")]
        for path in shown:
            row = rows[path]
            tries = f" ({row.attempts} tries)" if row.attempts > 1 else ""
            phase = at_work.phases[path].words(now) if path in at_work.phases else ""
            budget = at_work.budgets.get(path)
            burning = f"error budget: {budget.burning()}" if budget else ""
            words = "; ".join(each for each in (row.detail + tries, phase, burning) if each)
            table.append((path, row.type, row.status, lasted(row.seconds(now)), words))
        yield from columns(table)
    if len(shown) < len(rows):
        each = [Terminal.of("{} {}", count, kind) for count, kind in counted(brief)]
        yield Terminal.of("{} stages: {}", len(rows), Terminal.joined(", ", each))


def stages_record(told: Told, at_work: AtWork) -> list[dict[str, Any]]:
    """Return the same for a program, whole."""
    now = datetime.now(UTC)
    return [
        {
            "stage": path,
            **row.model_dump(mode="json"),
            "seconds": row.seconds(now),
            **_beside(path, at_work),
        }
        for path, row in told.stages.items()
    ]


def lasted(seconds: float | None) -> str:
    """Return how long something took; nothing where nobody knows."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds:.1f}s"
    return render_duration(int(seconds) * _SECOND_MS)


def _phase(status: Mapping[str, Any]) -> PhaseNow | None:
    try:
        return _SaysNow.model_validate(status).now
    except ValidationError:
        return None


def _beside(path: str, at_work: AtWork) -> dict[str, Any]:
    phase, budget = at_work.phases.get(path), at_work.budgets.get(path)
    return {
        **({"now": phase.model_dump(mode="json", by_alias=True)} if phase else {}),
        **({"error_budget": budget.as_json()} if budget else {}),
    }
