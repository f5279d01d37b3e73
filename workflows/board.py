"""The board of a run: what its stages do and what it waits for, in Markdown.

1. It is shown in the Web UI as current details: lists, for it renders tables without borders,
   and short lines, for it does not wrap code.
2. It is pure: it reads what it is given and keeps nothing. When it is drawn is the run's matter.
"""

from __future__ import annotations

from shlex import quote
from typing import Final

from dsl.core import StageStatus
from dsl.rules.gate_rules import NO_OUTPUT
from workflows.openings import Opening
from workflows.stages import Stages

BOARD_LINES_MAX: Final = 60


def board(title: str, workflow_id: str, stages: Stages, pending: dict[str, Opening]) -> str:
    """Return the board in Markdown (1)."""
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
        *([] if opening.matter.subject else [f"- a vote binds {NO_OUTPUT}"]),
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
