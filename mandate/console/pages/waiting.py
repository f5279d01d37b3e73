"""The inbox: which gates wait, for whom, until when."""

from __future__ import annotations

from typing import Final

from dsl.shown.markup import shown_text_time
from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.frame import Viewed, href, link
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
        parts = [Html("<p>No gate waits for an answer.</p>")]
    if not found.complete:
        parts.append(
            Html.of("<p>There are more than {} runs: these are the newest.</p>", INBOX_RUNS_MAX)
        )
    return Html.joined("\n", parts)


def _gate(found: InboxRun, row: GateRow) -> Html:
    asks = Html.listed(row.identity or ("claimed",), " or ")
    reason = Html(", with a reason") if row.reason_required else Html()
    escalated = Html(", escalated") if row.escalated else Html()
    void = [
        Html.of(
            "<p>void: <bdi>{}</bdi>: <bdi>{}</bdi></p>", each.get("name", ""), each.get("why", "")
        )
        for each in found.void.messages[-_VOID_SHOWN:]
    ]
    return Html.of(
        '<article class="gate"><h2>{} <span class="quiet">in</span> {}</h2><p><bdi>{}</bdi></p>'
        '<p class="wait"><bdi>{}</bdi>{} ({}{}), since {}, until {}</p>{}</article>',
        link(href("/gate", run=found.workflow, gate=row.gate), row.gate),
        link(href("/run", id=found.workflow), found.workflow),
        *(row.description, row.still_needed_of, escalated, asks, reason),
        *(shown_text_time(row.since), shown_text_time(row.due), Html.joined("", void)),
    )
