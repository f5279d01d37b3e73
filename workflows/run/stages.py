"""The state of every stage of a run.

1. A final state never changes.
2. A move costs the same in a plan of a thousand stages as in one of ten: what conditions may read
   is kept as it changes, and never copied.
3. When a stage began and ended is told, and decides nothing. Where it is known when a stage was
   over that time is told, and not when the run has learned of it: a run that is taken back learns
   anew, in the task of the reset, what was over just before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from dsl.core import AgentOutput, StageResult, StageStatus, StageType
from dsl.plan import AnyStep
from dsl.values.sizes import sentence

_FINAL: Final = frozenset(StageStatus) - {
    StageStatus.PENDING,
    StageStatus.RUNNING,
    StageStatus.WAITING,
}


class Stages:
    """Results by path, in document order."""

    def __init__(
        self, steps: Iterable[AnyStep] = (), now_ms: Callable[[], int] = lambda: 0
    ) -> None:
        """Take the stages of a plan, and a clock that replays (3)."""
        self._now_ms = now_ms
        self._results = {
            step.path: StageResult(
                path=step.path, type=StageType(step.type), status=StageStatus.PENDING
            )
            for step in steps
        }
        self._readable = {path: _readable(result) for path, result in self._results.items()}

    def __getitem__(self, path: str) -> StageResult:
        return self._results[path]

    def move(self, path: str, status: StageStatus, detail: str = "") -> None:
        """Change the state of one stage."""
        result = self._results[path]
        if result.status not in _FINAL:  # (1) a final state never changes
            self._keep(result, status=status, detail=sentence(detail))

    def finish(self, path: str, status: StageStatus, **fields: Any) -> None:
        """Set the final state of an agent stage, with what it put out."""
        self._keep(self._results[path], status=status, **fields)

    def over(self, path: str, ended_ms: int) -> None:
        """Be told when a stage was over whose final state follows at once; 0: not known (3)."""
        result = self._results[path]
        if result.status not in _FINAL:
            self._results[path] = result.model_copy(update={"ended_ms": ended_ms})

    def last_end_of(self, steps: Iterable[AnyStep]) -> int:
        """Return when the last of these stages was over; 0: none is."""
        return max((self._results[step.path].ended_ms for step in steps), default=0)

    def skip(self, steps: Iterable[AnyStep], why: str) -> None:
        """Mark what never started."""
        for step in steps:
            if self._results[step.path].status is StageStatus.PENDING:
                self.move(step.path, StageStatus.SKIPPED, why)

    def outputs_of(self, paths: Iterable[str]) -> dict[str, tuple[AgentOutput, ...]]:
        """Return outputs by stage path, of stages that have any."""
        return {
            path: self._results[path].outputs
            for path in paths
            if path in self._results and self._results[path].outputs
        }

    def environment(self) -> dict[str, dict[str, Any]]:
        """Return what conditions and agent inputs may read, by stage path; it is not a copy (2)."""
        return self._readable

    def report(self) -> dict[str, Any]:
        """Return every stage as JSON."""
        return {path: result.model_dump(mode="json") for path, result in self._results.items()}

    def brief(self) -> dict[str, dict[str, str]]:
        """Return type, status and detail of every stage."""
        return {
            path: {"type": r.type.value, "status": r.status.value, "detail": r.detail}
            for path, r in self._results.items()
        }

    def timed(self) -> dict[str, dict[str, Any]]:
        """Return of every stage what ``brief`` has, and when it began and ended."""
        return {
            path: {**row, "began_ms": result.began_ms, "ended_ms": result.ended_ms}
            for (path, row), result in zip(
                self.brief().items(), self._results.values(), strict=True
            )
        }

    def _keep(self, result: StageResult, **fields: Any) -> None:
        if fields["status"] is not StageStatus.SKIPPED:  # which has never begun
            moment = "ended_ms" if fields["status"] in _FINAL else "began_ms"
            fields[moment] = (
                getattr(result, moment) or fields.get(moment) or self._now_ms()  # (3) as is known
            )
        kept = self._results[result.path] = result.model_copy(update=fields)
        self._readable[result.path] = _readable(kept)


def _readable(result: StageResult) -> dict[str, Any]:
    return {
        "status": result.status.value,
        "type": result.type.value,
        "detail": result.detail,
        "output": result.output,
    }
