"""What GitHub shows of a run: the check, the comment at a pull request, the word for a deployment.

1. Every word of others is a span of code: no mention, no link, no mark-up of theirs.
2. GitHub takes 65,535 characters in a summary or a comment, 1,024 in the word for a deployment that
   waits, 140 in the status of one. What is longer is cut at a line.
3. A gate that takes GitHub's word says how it is answered there; one that asks for a proof, or for
   what is not shown there, leads to the console or has the line that makes one.
4. A button names what was shown: the run, the gate, its opening and its digest. It is good for
   nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from dsl.rules.gates.consensus import GITHUB
from dsl.rules.notify.snapshot import RUNNING, GateSnapshot, RunSnapshot
from dsl.shown.surfaces import Markdown, Terminal
from integrations.notify.answering import approving
from integrations.notify.channel import kept_id
from integrations.notify.links import SitePages

SUMMARY_MAX: Final = 60_000
WORD_MAX: Final = 1_024
DESCRIPTION_MAX: Final = 140
COMMAND: Final = "/mandate"
OPENING_MAX: Final = 9_999_999  # that a button's name, of 20 characters, has room for
# Of a deployment; one that somebody took away has neither worked nor failed.
_ENDS: Final = {"completed": "success", "failed": "failure", "timed out": "failure"}
_CONCLUSIONS: Final = {"completed": "success", "cancelled": "cancelled", "timed out": "timed_out"}


def mark(run: RunSnapshot) -> str:
    """Return what a comment of ours begins with, so that it is found again."""
    return f"<!-- mandate {kept_id(f'{run.workflow}/{run.run}')} -->"


def answer_mark(delivery: str) -> str:
    """Return what an answer of ours to what somebody has written begins with."""
    return f"<!-- answer of mandate {kept_id(delivery)} -->"


def check_of(run: RunSnapshot, pages: SitePages, *, has_door: bool) -> dict[str, Any]:
    """Return the check of a run as it is now."""
    waits = _word_of_gates(run)
    fields: dict[str, Any] = {
        "status": "completed" if run.ended else "in_progress",
        "output": {"title": waits or run.status[:100], "summary": summary(run, pages)},
        "actions": [],
    }
    if run.ended:
        fields["conclusion"] = _CONCLUSIONS.get(run.status, "failure")
    if link := pages.run(run):
        fields["details_url"] = link
    [*gates] = run.gates
    if has_door and len(gates) == 1 and not run.more_gates and _has_buttons(gates[0]):
        fields["actions"] = [  # people read no name of a gate on a button: only where one waits
            _action("Approve", "approve", gates[0], run),
            _action("Reject", "reject", gates[0], run),
        ]
    return fields


def button(decision: str, *, run: str, gate: str, opening: int, subject: str) -> str:
    """Return the name of a button (4), of at most 20 characters; ``run`` is the run's own id."""
    shown = hashlib.sha256("\x00".join((run, gate, subject)).encode(errors="replace")).hexdigest()
    return f"{decision[:1]}-{opening}-{shown[:10]}"


def _has_buttons(gate: GateSnapshot) -> bool:
    answered = gate.is_answered_at(GITHUB) and not gate.reason_required
    return answered and 0 < gate.opening <= OPENING_MAX


def summary(run: RunSnapshot, pages: SitePages) -> Markdown:
    """Return what people read of a run (2)."""
    lines = [
        Markdown.of("Run {} of {} {}: {}", run.workflow, run.pipeline, run.version, run.status),
        *([Markdown.of("\nWhy: {}", run.detail)] if run.ended and run.detail else []),
        *(line for gate in run.gates for line in _gate(gate, run, pages)),
        *([Markdown.of("\nand {} more gates", run.more_gates)] if run.more_gates else []),
        *([Markdown("\n### Decided\n")] if run.decided else []),
        *(Markdown.of("- {}: {}, {}", g.path, g.verdict, g.detail) for g in run.decided),
        *([Markdown("\n### Stages\n")] if run.stages else []),
        *(
            Markdown.of("- {}: {}{}", each.path, each.status, _why(each.detail))
            for each in run.stages
        ),
    ]
    shown = _fitting(lines, SUMMARY_MAX)
    return Markdown.joined("\n", [*shown, *_link(pages.run(run))])


def word_for_deployment(run: RunSnapshot) -> Markdown:
    """Return what a deployment is told (2): GitHub reads mark-up in it."""
    why = run.detail if run.ended else _word_of_gates(run)
    short = Markdown.of("Mandate: {}", run.status, limit=100)
    named = Markdown.of("Mandate, run {}: {}", run.workflow, run.status, limit=200)
    whole = Markdown.of("{}{}", named, _why(why))
    return next(each for each in (whole, named, short) if len(each) <= WORD_MAX)


def status_of_deployment(run: RunSnapshot) -> dict[str, str]:
    """Return what a deployment says of its run, which GitHub shows as it stands (2)."""
    if run.ended:
        state = _ENDS.get(run.status, "error")
        words = f"{run.status}: {run.detail}" if run.detail else run.status
    else:
        words = _word_of_gates(run) or run.status
        state = "in_progress" if words == RUNNING else "pending"
    return {"state": state, "description": Terminal.of("{}", words, limit=DESCRIPTION_MAX)}


def _gate(gate: GateSnapshot, run: RunSnapshot, pages: SitePages) -> list[Markdown]:
    rows = [
        Markdown("\n### Waiting for approval\n"),
        Markdown.of("- gate: {}", gate.path),
        Markdown.of("- asked: {}, still needed: {}", gate.asked, gate.needed),
        Markdown.of("- until: {}", gate.due),
        *([Markdown.of("- about: {}", gate.description)] if gate.description else []),
        *(Markdown.of("- approves: {}", each) for each in gate.outputs),
        *([Markdown.of("- digest: {}", gate.subject)] if gate.subject else []),
        Markdown(),
    ]
    if gate.is_answered_at(GITHUB):  # (3) answered there
        why = " REASON" if gate.reason_required else ""
        line = f"{COMMAND} approve {gate.path}{why}"
        return [*rows, Markdown.of("Answer with a comment: {}", line)]
    if link := pages.gate(gate, run):
        return [*rows, Markdown.of("Answer in the console, after a login to Vault: {}", link)]
    line = approving(Markdown, gate, run)
    return [*rows, Markdown("Answer after `mandate login NAME` with:\n"), line]


def _word_of_gates(run: RunSnapshot) -> str:
    if not run.gates:
        return ""
    first = run.gates[0].path
    more = len(run.gates) + run.more_gates - 1
    return f"waits for approval: {first}{f' and {more} more' if more else ''}"[:250]


def _action(label: str, decision: str, gate: GateSnapshot, run: RunSnapshot) -> dict[str, str]:
    named = button(
        decision, run=run.run, gate=gate.path, opening=gate.opening, subject=gate.subject
    )
    return {
        "label": label,
        "description": f"{label} what is shown here",
        "identifier": named,
    }


def _fitting(lines: Sequence[Markdown], limit: int) -> list[Markdown]:
    kept: list[Markdown] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > limit:
            return [*kept, Markdown.of("\nand {} more lines", len(lines) - len(kept))]
        kept.append(line)
    return kept


def _why(detail: str) -> Markdown:
    return Markdown.of(": {}", detail) if detail else Markdown()


def _link(link: str) -> list[Markdown]:
    return [Markdown.of("\nIn Temporal: {}", link)] if link else []
