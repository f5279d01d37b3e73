"""The board of a run: what its stages do and what it waits for, in Markdown.

1. It is shown in the Web UI as current details: lists, for it renders tables without borders,
   and short lines, for it does not wrap code.
2. It is pure: it reads what it is given and keeps nothing. When it is drawn is the run's matter.
"""

from __future__ import annotations

import json
from typing import Final

from dsl.core import StageStatus, StageType
from dsl.rules.gate_rules import NO_OUTPUT
from dsl.surfaces import Markdown
from workflows.openings import Opening
from workflows.stages import Stages

BOARD_LINES_MAX: Final = 60
_BINDS_NOTHING: Final = Markdown.of("- a vote binds {}", Markdown(NO_OUTPUT))
_APPROVE: Final = "mandate approve {} \\\n  {}"
_APPROVE_AND_SAY_WHY: Final = "mandate approve {} \\\n  {} --reason ..."
_SIGNAL: Final = "temporal workflow signal \\\n  -w {} \\\n  --name vote --input \\\n  {}"


def board(title: str, workflow_id: str, stages: Stages, pending: dict[str, Opening]) -> Markdown:
    """Return the board in Markdown (1)."""
    lines = [Markdown.of("**{}**\n", title)]
    for path, opening in sorted(pending.items()):
        lines += _waiting(path, workflow_id, opening)
    brief = stages.brief()
    rows = [_row(path, row) for path, row in brief.items()]
    if len(rows) > BOARD_LINES_MAX:
        done = sum(row["status"] == StageStatus.COMPLETED for row in brief.values())
        rows = [row for row in rows if row.startswith(("- running", "- waiting", "- failed"))]
        counted = Markdown.of("- {} of {} stages completed", done, len(brief))
        rows = [counted, *rows[:BOARD_LINES_MAX]]
    return Markdown.joined("\n", [*lines, Markdown("### Stages\n"), *rows])


def _row(path: str, row: dict[str, str]) -> Markdown:
    detail = Markdown.of(": {}", row["detail"]) if row["detail"] else Markdown()
    status, kind = StageStatus(row["status"]), StageType(row["type"])
    return Markdown.of("- {}: **{}** ({}){}", status, path, kind, detail)


def _waiting(path: str, workflow_id: str, opening: Opening) -> list[Markdown]:
    now, vault, about = opening.tally(), opening.vault, opening.step.description
    proven = Markdown() if opening.takes_claims() else Markdown(", each proven")
    then = Markdown("escalates") if _escalates(opening) else Markdown("is rejected")
    due = opening.due.isoformat(timespec="seconds")
    return [
        Markdown.of("### Waiting for approval\n\n- gate: **{}**", path),
        Markdown.of("- asked: {}{}", opening.wanted(), proven),
        Markdown.of("- quorum: {}, still needed: {}", opening.rules.quorum, now.needed),
        Markdown.of("- until: {}, then it {}", due, then),
        *([Markdown.of("- about: {}", about)] if about else []),
        *([] if opening.matter.subject else [_BINDS_NOTHING]),
        *([Markdown.of("- reminded: {} times", opening.reminders)] if opening.reminders else []),
        *(
            [Markdown.of("- Vault's own lock: {} {}", vault.state, vault.detail)]
            if vault.state != "none"
            else []
        ),
        Markdown(),
        *_how_to_answer(path, workflow_id, opening),
        Markdown(),
    ]


def _how_to_answer(path: str, workflow_id: str, opening: Opening) -> list[Markdown]:
    if not opening.takes_claims():
        if opening.rules.reason_required:
            line = Markdown.command(_APPROVE_AND_SAY_WHY, workflow_id, path)
        else:
            line = Markdown.command(_APPROVE, workflow_id, path)
        return [
            Markdown("Answer after `mandate login NAME` with:\n"),
            line,
            Markdown("\nor put what `mandate sign` prints into"),
            Markdown("More Actions > Send an Update > vote."),
        ]
    vote = json.dumps({"gate": path, "decision": "approve", "voter": "..."}, separators=(",", ":"))
    return [
        Markdown("Answer with More Actions > Send an Update > vote, or:\n"),
        Markdown.command(_SIGNAL, workflow_id, vote),
    ]


def _escalates(opening: Opening) -> bool:
    return not opening.escalated and opening.step.on_timeout == "escalate"
