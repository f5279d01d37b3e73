"""The state of every stage of a run, and the board that shows it.

1. A final state never changes.
2. The board is shown in the Web UI as current details: lists, for it renders tables without
   borders, and short lines, for it does not wrap code.
"""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote
from typing import Any, Final

from dsl.core import AgentOutput, StageResult, StageStatus, StageType
from dsl.plan import AnyStep
from workflows.openings import Opening

BOARD_LINES_MAX: Final = 60
_FINAL: Final = frozenset(StageStatus) - {
    StageStatus.PENDING,
    StageStatus.RUNNING,
    StageStatus.WAITING,
}


class Stages:
    """Results by path, in document order."""

    def __init__(self, steps: Iterable[AnyStep] = ()) -> None:
        self._results = {
            step.path: StageResult(
                path=step.path, type=StageType(step.type), status=StageStatus.PENDING
            )
            for step in steps
        }

    def __getitem__(self, path: str) -> StageResult:
        return self._results[path]

    def move(self, path: str, status: StageStatus, detail: str = "") -> None:
        """Change the state of one stage."""
        result = self._results[path]
        if result.status not in _FINAL:  # (1)
            self._results[path] = result.model_copy(update={"status": status, "detail": detail})

    def finish(self, path: str, status: StageStatus, **fields: Any) -> None:
        """Set the final state of an agent stage, with what it put out."""
        result = self._results[path]
        self._results[path] = result.model_copy(update={"status": status, **fields})

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
        """Return what conditions and agent inputs may read, by stage path."""
        return {
            path: {
                "status": result.status.value,
                "type": result.type.value,
                "detail": result.detail,
                "output": result.output,
            }
            for path, result in self._results.items()
        }

    def report(self) -> dict[str, Any]:
        """Return every stage as JSON."""
        return {path: result.model_dump(mode="json") for path, result in self._results.items()}

    def brief(self) -> dict[str, dict[str, str]]:
        """Return type, status and detail of every stage."""
        return {
            path: {"type": r.type.value, "status": r.status.value, "detail": r.detail}
            for path, r in self._results.items()
        }


def board(title: str, workflow_id: str, stages: Stages, pending: dict[str, Opening]) -> str:
    """Return the board in Markdown (2)."""
    lines = [f"## {title}", ""]
    for path, opening in sorted(pending.items()):
        lines += _waiting(path, workflow_id, opening)
    brief = stages.brief()
    rows = [
        f"- {row['status']}: **{path}** ({row['type']})"
        + (f": {row['detail']}" if row["detail"] else "")
        for path, row in brief.items()
    ]
    if len(rows) > BOARD_LINES_MAX:
        done = sum(row["status"] == StageStatus.COMPLETED for row in brief.values())
        rows = [row for row in rows if row.startswith(("- running", "- waiting", "- failed"))]
        rows = [f"- {done} of {len(brief)} stages completed", *rows[:BOARD_LINES_MAX]]
    return "\n".join([*lines, "### Stages", "", *rows])


def _waiting(path: str, workflow_id: str, opening: Opening) -> list[str]:
    now = opening.tally()
    vault = opening.vault
    return [
        f"### Waiting for approval: {path}",
        "",
        f"- asked: {opening.wanted()}{', each proven' if not opening.takes_claims() else ''}",
        f"- quorum: {opening.rules.quorum}, still needed: {now.needed}",
        f"- until: {opening.due.isoformat(timespec='seconds')}, "
        f"then it {'escalates' if _escalates(opening) else 'is rejected'}",
        *([f"- about: {opening.step.description}"] if opening.step.description else []),
        *([f"- reminded: {opening.reminders} times"] if opening.reminders else []),
        *([f"- Vault's own lock: {vault.state} {vault.detail}"] if vault.state != "none" else []),
        "",
        *_how_to_answer(path, workflow_id, opening),
        "",
    ]


def _how_to_answer(path: str, workflow_id: str, opening: Opening) -> list[str]:
    if not opening.takes_claims():
        return [
            "Answer after `mandate login NAME` with:",
            "",
            "```",
            f"mandate approve {quote(workflow_id)} \\",
            f"  {quote(path)}{' --reason ...' if opening.rules.reason_required else ''}",
            "```",
            "",
            "or put what `mandate sign` prints into More Actions > Send an Update > vote.",
        ]
    vote = f'{{"gate":"{path}","decision":"approve","voter":"..."}}'
    return [
        "Answer with More Actions > Send an Update > vote, or:",
        "",
        "```",
        "temporal workflow signal \\",
        f"  -w {quote(workflow_id)} \\",
        "  --name vote --input \\",
        f"  {quote(vote)}",
        "```",
    ]


def _escalates(opening: Opening) -> bool:
    return not opening.escalated and opening.step.on_timeout == "escalate"
