"""The inbox: which gates wait, for whom, until when."""

from __future__ import annotations

from typing import Final

from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.frame import Viewed, address, empty, href, link
from mandate.console.pages.moments import text_ago, until
from mandate.people.gates.inbox import INBOX_RUNS_MAX, Inbox, InboxRun
from mandate.people.gates.rows import GateRow

GATES_MAX: Final = 200
_VOID_SHOWN: Final = 3


def waiting_page(found: Inbox) -> Viewed:
    """Return the page."""
    body = Html(
        '<h1>Waiting</h1><p class="lead">Every gate that somebody has to answer. What is approved '
        "stands on its page.</p>"
    )
    return Viewed(Html("Waiting"), body, "/live/waiting", waiting_part(found))


def waiting_part(found: Inbox) -> Html:
    """Return what moves."""
    gates = [(each, row) for each in found.runs for row in each.rows]
    parts = [_gate(*each) for each in gates[:GATES_MAX]]
    if len(gates) > GATES_MAX:
        rest = Terminal.of("and {} more; see mandate gates", len(gates) - GATES_MAX)
        parts.append(Html.of("<p>{}</p>", rest))
    parts += [
        Html.of('<p class="quiet"><bdi>{}</bdi>: {}</p>', each.workflow, each.why)
        for each in found.runs
        if each.why
    ]
    if not parts:
        parts = [empty(Html("No gate waits for an answer."))]
    if not found.complete:
        parts.append(
            Html.of("<p>There are more than {} runs: these are the newest.</p>", INBOX_RUNS_MAX)
        )
    return Html.joined("\n", parts)


def _gate(found: InboxRun, row: GateRow) -> Html:
    asks = Html.listed(row.identity or ("claimed",), " or ")
    reason = Html(", with a reason") if row.reason_required else Html()
    escalated = Html('<span class="state bad">escalated</span> ') if row.escalated else Html()
    about = Html.of('<p class="ask"><bdi>{}</bdi></p>', row.description)
    void = [
        Html.of(
            "<p>void: <bdi>{}</bdi>: <bdi>{}</bdi></p>", each.get("name", ""), each.get("why", "")
        )
        for each in found.void.messages[-_VOID_SHOWN:]
    ]
    there = href("/gate", run=found.workflow, gate=row.gate)
    return Html.of(
        '<article class="gate"><div class="top"><div><h2>{} <span class="quiet">in</span> '
        '{}</h2>{}</div><a class="button" href="{}">Look and answer</a></div>'
        '<p>{}<bdi>{}</bdi> <span class="quiet">({}{})</span></p>'
        '<p class="quiet">Due {}, asked {}</p>{}</article>',
        *(link(there, row.gate), link(href("/run", id=found.workflow), found.workflow)),
        *(about if row.description else Html(), address(there)),
        *(escalated, row.still_needed_of, asks, reason),
        *(until(row.due), text_ago(row.since), Html.joined("", void)),
    )
