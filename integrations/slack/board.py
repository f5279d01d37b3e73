"""What a message at Slack shows: the board of a run, a gate, a happening; in Block Kit.

1. Every word of others is made inert by ``SlackText``: no mention, no link, no mark-up.
2. Slack takes 3,000 characters in a section and in a link, 50 blocks and 2,000 characters in a
   button. What does not fit is cut at a line, and said to be; a link is left out, and where it is
   all that answers a gate, the line stands there.
3. A gate that takes Slack's word has buttons. One that asks for a proof or for what is not shown
   here, or where no clicks come back, leads to the console, where one is served, or has the line
   that makes a proof: nobody presses a button that cannot count.
4. A button says which run, opening and digest were shown: it is good for nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from dsl.rules.gates.consensus import SLACK
from dsl.rules.notify.changes import Event
from dsl.rules.notify.snapshot import DecidedSnapshot, GateSnapshot, RunSnapshot
from dsl.shown.surfaces import SlackText
from dsl.steps.notify import Happening
from integrations.notify.answering import approving
from integrations.notify.links import SitePages

Block = dict[str, Any]

SECTION_MAX: Final = 3_000
BUTTON_VALUE_MAX: Final = 2_000
LINK_MAX: Final = 3_000
_CONSOLE: Final = "Open in the console"
APPROVE: Final = "mandate-approve"
REJECT: Final = "mandate-reject"
_STATE: Final = {
    "completed": SlackText(":white_check_mark:"),
    "running": SlackText(":arrow_forward:"),
    "waiting": SlackText(":hourglass_flowing_sand:"),
    "failed": SlackText(":x:"),
    "rejected": SlackText(":no_entry:"),
    "revoked": SlackText(":octagonal_sign:"),
    "cancelled": SlackText(":heavy_multiplication_x:"),
}


def board_blocks(run: RunSnapshot, link: str) -> list[Block]:
    """Return the board of a run."""
    title = SlackText.of("*Run* {} of {} {}", run.workflow, run.pipeline, run.version)
    state = SlackText.of("{} {}", _icon(run.status), SlackText.of("{}", run.status))
    lines = [title, state]
    if run.ended and run.detail:
        lines.append(SlackText.of("why: {}", run.detail))
    if run.counts:
        counts = [SlackText.of("{} {}", number, word) for word, number in run.counts.items()]
        lines.append(SlackText.joined(", ", counts))
    gates = [
        SlackText.of("waits: {}, until {}, for {}", gate.path, gate.due, gate.asked)
        for gate in run.gates
    ]
    if run.more_gates:
        gates.append(SlackText.of("and {} more gates", run.more_gates))
    stages = [
        SlackText.of("{} {}{}", _icon(each.status.value), each.path, _why(each.detail))
        for each in run.stages
    ]
    return [
        section(lines),
        *([section(gates)] if gates else []),
        *([section(stages)] if stages else []),
        *_links(link),
    ]


def gate_blocks(
    gate: GateSnapshot, run: RunSnapshot, pages: SitePages, *, has_door: bool
) -> list[Block]:
    """Return a gate that waits."""
    what = SlackText("*Escalated*") if gate.escalated else SlackText("*Waiting for approval*")
    lines = [
        what,
        SlackText.of("gate {} of run {}", gate.path, run.workflow),
        SlackText.of("asked: {}, still needed: {}, until {}", gate.asked, gate.needed, gate.due),
        *([SlackText.of("about: {}", gate.description)] if gate.description else []),
        *(SlackText.of("approves: {}", each) for each in gate.outputs),
        *([SlackText.of("digest: {}", gate.subject)] if gate.subject else []),
    ]
    value = _value(gate, run)
    counts = has_door and gate.is_answered_at(SLACK)
    if counts and len(value) <= BUTTON_VALUE_MAX:  # (3) buttons only where they count
        return [section(lines), _buttons(value), *_links(pages.run(run), pages.gate(gate, run))]
    if _link(_CONSOLE, pages.gate(gate, run)):
        line = SlackText("answer in the console, after a login to Vault")
    else:
        line = approving(SlackText, gate, run)
        line = SlackText.of("answer after `mandate login NAME` with {}", line)
    return [section([*lines, line]), *_links(pages.run(run), pages.gate(gate, run))]


def decided_blocks(decided: DecidedSnapshot, run: RunSnapshot, link: str) -> list[Block]:
    """Return a gate that has been decided; in the place of its buttons."""
    lines = [
        SlackText.of("gate {} of run {}", decided.path, run.workflow),
        SlackText.of("*Decided:* {}", decided.verdict),
        *([SlackText.of("{}", decided.detail)] if decided.detail else []),
    ]
    return [section(lines), *_links(link)]


def closed_blocks(run: RunSnapshot, link: str) -> list[Block]:
    """Return what stands in the place of a gate that waits for nobody any more."""
    return [section([SlackText.of("a gate of run {} that is closed", run.workflow)]), *_links(link)]


def happened(event: Event, run: RunSnapshot) -> SlackText:
    """Return one line, for a notification on a phone and for what needs no more."""
    match event.kind, event.gate, event.decided, event.stage:
        case Happening.GATE_REMINDER, gate, _, _ if gate:
            return SlackText.of("Reminder: {} of {} still waits", gate.path, run.workflow)
        case _, gate, _, _ if gate:
            return SlackText.of("{} of {} waits for approval", gate.path, run.workflow)
        case _, _, decided, _ if decided:
            return SlackText.of("{} of {} is {}", decided.path, run.workflow, decided.verdict)
        case _, _, _, stage if stage:
            word = SlackText.of("{}", stage.status.value)
            return SlackText.of(
                "{} of {}: {}{}", stage.path, run.workflow, word, _why(stage.detail)
            )
    return SlackText.of("{}: {}{}", run.workflow, run.status, _why(run.detail))


def reason_dialog(decision: str, metadata: str, gate: str) -> dict[str, Any]:
    """Return the dialog that asks why."""
    return {
        "type": "modal",
        "callback_id": "mandate-reason",
        "private_metadata": metadata,
        "title": _plain("Approve" if decision == "approve" else "Reject"),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": [
            section([SlackText.of("gate {}", gate)]),
            {
                "type": "input",
                "block_id": "why",
                "label": _plain("Why?"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "reason",
                    "multiline": True,
                    "max_length": 2_000,
                },
            },
        ],
    }


def section(lines: Sequence[SlackText]) -> Block:
    """Return lines as one block (2)."""
    kept: list[SlackText] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > SECTION_MAX - 40:
            kept.append(SlackText.of("and {} more lines", len(lines) - len(kept)))
            break
        kept.append(line)
    return {"type": "section", "text": {"type": "mrkdwn", "text": SlackText.joined("\n", kept)}}


def _buttons(value: str) -> Block:
    return {
        "type": "actions",
        "elements": [
            _button("Approve", APPROVE, value, "primary"),
            _button("Reject", REJECT, value, "danger"),
        ],
    }


def _button(text: str, action: str, value: str, style: str) -> Block:
    return {
        "type": "button",
        "action_id": action,
        "text": _plain(text),
        "style": style,
        "value": value,
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def _value(gate: GateSnapshot, run: RunSnapshot) -> str:
    """Return what a button says: all that a click is good for (4)."""
    shown = {"w": run.workflow, "i": run.run, "g": gate.path, "o": gate.opening, "s": gate.subject}
    return json.dumps({**shown, "r": gate.reason_required}, separators=(",", ":"))


def _links(run: str, gate: str = "") -> list[Block]:
    """Return where it goes on; both are ours, and all that is of others in them is encoded."""
    named = {_CONSOLE: gate, "Open in Temporal": run}
    shown = (_link(name, each) for name, each in named.items())
    elements = [{"type": "mrkdwn", "text": each} for each in shown if each]
    return [{"type": "context", "elements": elements}] if elements else []


def _link(name: str, address: str) -> str:
    """Return a link by a name of ours; empty where there is none, or none that fits (2)."""
    link = f"<{address.replace('&', '&amp;')}|{name}>"
    return link if address and len(link) <= LINK_MAX else ""


def _icon(status: str) -> SlackText:
    return _STATE.get(status, SlackText(":white_circle:"))


def _why(detail: str) -> SlackText:
    return SlackText.of(": {}", detail) if detail else SlackText()
