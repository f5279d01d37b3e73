"""The board of a run: what its stages do and what it waits for, in Markdown.

1. It is shown in the Web UI as current details: lists, for it renders tables without borders; not
   nested, for it draws those as one line; and short lines, for it does not wrap code.
2. It is pure: it reads what it is given and keeps nothing. It is drawn when somebody looks.
3. It fits a screen or two: the first ``BOARD_GATES_MAX`` gates say how they are answered, the rest
   are named. Of more than ``BOARD_LINES_MAX`` stages it shows what went wrong and what moves, and
   counts the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from dsl.core import StageStatus, StageType
from dsl.rules.gates.gate_rules import NO_OUTPUT
from dsl.rules.health.clarification import lines_of
from dsl.rules.run.foremost import counted, foremost
from dsl.shown.heads import HeadState
from dsl.shown.surfaces import Markdown
from dsl.values.canonical import canonical
from workflows.gates.opening import Matter, Opening
from workflows.gates.output_heads import Heads
from workflows.run.stages import Stages

Brief = dict[str, dict[str, str]]

BOARD_LINES_MAX: Final = 60
_BINDS_NOTHING: Final = Markdown.of("- a vote binds {}", Markdown(NO_OUTPUT))
_APPROVE: Final = "mandate approve {} \\\n  {}"
_ANSWER: Final = "mandate approve {} \\\n  {} --answer ..."
_APPROVE_AND_SAY_WHY: Final = "mandate approve {} \\\n  {} --reason ..."
_SIGNAL: Final = "temporal workflow signal \\\n  -w {} \\\n  --name vote --input \\\n  {}"
_OUTPUTS: Final = "mandate artifact list \\\n  {}"
BOARD_GATES_MAX: Final = 10
BOARD_OUTPUTS_MAX: Final = 3
BOARD_ARGUMENTS_MAX: Final = 12  # of one call
BOARD_ARGUMENT_MAX: Final = 200  # characters
BOARD_HEAD_LINES_MAX: Final = 4


def board(
    title: str,
    workflow_id: str,
    stages: Stages,
    pending: dict[str, Opening],
    heads: Heads | None = None,
    *,
    ended: tuple[str, str] | None = None,
) -> Markdown:
    """Return the board in Markdown (1); ``ended``: what the run ended as, and why."""
    lines = [Markdown.of("Run of {}\n", title)]
    if ended is not None:
        lines.append(Markdown.of("It ended as {}: {}\n", *ended))
    waiting = sorted(pending.items())
    for path, opening in waiting[:BOARD_GATES_MAX]:
        outputs = _outputs(opening, heads, is_brief=len(waiting) > 1) if heads else []
        lines += _waiting(path, workflow_id, opening, outputs)
    if heads and any(opening.matter.outputs for _, opening in waiting[:BOARD_GATES_MAX]):
        all_of_them = Markdown.command(_OUTPUTS, workflow_id)
        lines += [Markdown("All outputs of the run:\n"), all_of_them, Markdown()]
    lines += _also_waiting([path for path, _ in waiting[BOARD_GATES_MAX:]])
    brief = stages.brief()
    shown = foremost(brief, BOARD_LINES_MAX)
    counts = [] if len(shown) == len(brief) else _counts(brief, len(shown))
    rows = [_row(path, brief[path]) for path in shown]
    return Markdown.joined("\n", [*lines, Markdown("### Stages\n"), *counts, *rows])


def _counts(brief: Brief, shown: int) -> list[Markdown]:
    """Return how many stages there are of each kind (3)."""
    words = [Markdown.of("{} {}", count, status) for count, status in counted(brief)]
    return [
        Markdown.of("- {} stages: {}", len(brief), Markdown.joined(", ", words)),
        Markdown.of("- {} of them shown here", shown),
    ]


def _also_waiting(paths: Sequence[str]) -> list[Markdown]:
    if not paths:
        return []
    rows = [Markdown.of("- {}", path) for path in paths[:BOARD_LINES_MAX]]
    if len(paths) > len(rows):
        more = Markdown("`mandate gates` lists them")
        rows.append(Markdown.of("- and {} more: {}", len(paths) - len(rows), more))
    counted = Markdown.of("{} gates:\n", len(paths))
    return [Markdown("### Also waiting for approval\n"), counted, *rows, Markdown()]


def _row(path: str, row: dict[str, str]) -> Markdown:
    detail = Markdown.of(": {}", row["detail"]) if row["detail"] else Markdown()
    status, kind = StageStatus(row["status"]), StageType(row["type"])
    return Markdown.of("- {}: {} ({}){}", status, path, kind, detail)


def _outputs(opening: Opening, heads: Heads, *, is_brief: bool) -> list[Markdown]:
    """Return what is approved; its first lines where no other gate needs the room (3)."""
    telling = heads.shown(opening.matter)[:BOARD_OUTPUTS_MAX]
    lines = []
    for path, output, head in telling:
        what = (path, output.name, output.media_type, output.size)
        lines.append(Markdown.of("- approves: {} {} ({}, {:,} bytes)", *what))
        if head is not None and head.state is not HeadState.TEXT:
            lines.append(Markdown.of("- it is {}", head.state))
        elif head is not None and not is_brief:
            written = [line for line in head.lines if line.strip()]
            lines += [Markdown.of("- | {}", line) for line in written[:BOARD_HEAD_LINES_MAX]]
    more = len(opening.matter.outputs) - len(telling)
    if more:
        lines.append(Markdown.of("- and {} more outputs", more))
    return lines


def _waiting(
    path: str, workflow_id: str, opening: Opening, outputs: list[Markdown]
) -> list[Markdown]:
    now, vault, about = opening.tally(), opening.vault, opening.step.description
    proven = Markdown() if opening.takes_claims() else Markdown(", each proven")
    then = Markdown("escalates") if _escalates(opening) else Markdown("is rejected")
    return [
        Markdown("### Waiting for approval\n"),
        Markdown.of("- gate: {}", path),
        Markdown.of("- asked: {}{}", opening.wanted(), proven),
        Markdown.of("- quorum: {}, still needed: {}", opening.rules.quorum, now.needed),
        Markdown.of("- until: {}, then it {}", opening.due, then),
        *([Markdown.of("- about: {}", about)] if about else []),
        *_clarified(opening.matter),
        *_called(opening.matter),
        *([] if opening.matter.subject else [_BINDS_NOTHING]),
        *outputs,
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


def _clarified(matter: Matter) -> list[Markdown]:
    """Return the clarified plan that is approved anew; what is proposed stands in the question."""
    if matter.clarification is None or matter.question is not None:
        return []
    stage = Markdown.of("- clarified plan of {}:", matter.clarification.stage)
    told = lines_of(matter.clarification)
    return [stage, *(Markdown.of("- {}: {}", what, words) for what, words in told)]


def _called(matter: Matter) -> list[Markdown]:
    """Return which call is decided on, an argument a line."""
    if matter.call is None:
        return []
    call = matter.call.occurrence.call
    arguments = sorted(call.arguments.items())
    return [
        Markdown.of("- call: {} of {}", call.tool, call.server),
        *(
            Markdown.of("- argument: {} = {}", name, canonical(value)[:BOARD_ARGUMENT_MAX])
            for name, value in arguments[:BOARD_ARGUMENTS_MAX]
        ),
        Markdown.of("- the table: {}", matter.call.why),
        *([Markdown.of("- the agent: {}", call.purpose)] if call.purpose else []),
    ]


def _how_to_answer(path: str, workflow_id: str, opening: Opening) -> list[Markdown]:
    if not opening.takes_claims():
        if opening.matter.question is not None:
            line = Markdown.command(_ANSWER, workflow_id, path)
        elif opening.rules.reason_required:
            line = Markdown.command(_APPROVE_AND_SAY_WHY, workflow_id, path)
        else:
            line = Markdown.command(_APPROVE, workflow_id, path)
        return [
            Markdown("Answer after `mandate login NAME` with:\n"),
            line,
            Markdown("\nor put what `mandate sign RUN GATE approve` prints into"),
            Markdown("More Actions > Send an Update > vote."),
        ]
    said = {"answer": "..."} if opening.matter.question else {}
    vote = json.dumps(
        {"gate": path, "decision": "approve", "voter": "...", **said}, separators=(",", ":")
    )
    return [
        Markdown("Answer with More Actions > Send an Update > vote, or:\n"),
        Markdown.command(_SIGNAL, workflow_id, vote),
    ]


def _escalates(opening: Opening) -> bool:
    return not opening.escalated and opening.step.on_timeout == "escalate"
