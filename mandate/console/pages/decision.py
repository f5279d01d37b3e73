"""The form that answers a gate: whom it waits for, until when, who has voted, and the buttons.

It carries the digest of all that the page has shown. What is signed later is that, or nothing.
"""

from __future__ import annotations

from typing import Final

from dsl.limits import REASON_LENGTH_MAX
from dsl.shown.markup import described
from dsl.shown.surfaces import Html
from mandate.console.pages.frame import address, href, token_field
from mandate.console.pages.moments import text_ago, until
from mandate.console.sessions import WebSession
from mandate.people.gates.rows import GateRow
from mandate.people.gates.wishes import APPROVE, REJECT

SHOWN_FIELD: Final = "shown"
PLACE: Final = "decision"  # within the page


def decision_part(run: str, row: GateRow, shown: str, session: WebSession | None) -> Html:
    """Return it.

    Args:
        run: the workflow's id.
        row: the gate.
        shown: digest of all that a vote is bound to.
        session: of whoever looks.
    """
    return Html.of(
        '<aside class="decide"><div class="act" id="{}"><h2>Your decision</h2>{}{}{}</div></aside>',
        *(Html.of("{}", PLACE), _facts(row), _votes(row), _form(run, row, shown, session)),
    )


def _facts(row: GateRow) -> Html:
    asks = Html.listed(row.identity or ("claimed",), " or ")
    rows = [
        (Html("due"), until(row.due)),
        (Html("asked"), text_ago(row.since)),
        (Html("identity"), asks),
    ]
    return described(rows)


def _votes(row: GateRow) -> Html:
    lines = [
        Html.of(
            "<li><bdi>{}</bdi>: {} ({})</li>",
            *(each.voter, each.decision, "verified" if each.proven else "claimed"),
        )
        for each in row.voted
    ]
    if not lines:
        return Html('<p class="quiet">Nobody has voted yet.</p>')
    return Html.of("<h3>Votes</h3><ul>{}</ul>", Html.joined("", lines))


def _form(run: str, row: GateRow, shown: str, session: WebSession | None) -> Html:
    if session is None:
        here = href("/gate", run=run, gate=row.gate)
        return Html.of(
            '<p class="row"><a class="button" href="{}">Log in to answer</a></p>',
            address(href("/login", next=here)),
        )
    asked = _answer_field(row) if row.question is not None else _reason_field(row)
    approve, reject = Html.of("{}", APPROVE), Html.of("{}", REJECT)
    return Html.of(
        '<form method="post" action="{}">{}<input type="hidden" name="{}" value="{}">{}'
        '<div class="row"><button name="decision" value="{}">{}</button>'
        '<button class="reject" name="decision" value="{}">Reject</button></div>'
        '<p class="quiet">Signed as <bdi>{}</bdi>, with the key that only this login can use: for '
        "this run, this gate, these digests, once.</p></form>",
        *(address(href("/vote", run=run, gate=row.gate)), token_field(session)),
        *(Html.of("{}", SHOWN_FIELD), shown, asked, approve),
        *(Html("Answer") if row.question is not None else Html("Approve"), reject),
        session.login.name,
    )


def _reason_field(row: GateRow) -> Html:
    needed = Html(" required") if row.reason_required else Html()
    named = Html("Reason") if row.reason_required else Html("Reason (if you like)")
    return Html.of(
        '<p><label for="reason">{}</label>'
        '<textarea id="reason" name="reason" rows="3" maxlength="{}"{}></textarea></p>',
        *(named, REASON_LENGTH_MAX, needed),
    )


def _answer_field(row: GateRow) -> Html:
    choices = row.question.choices if row.question is not None else ()
    if not choices:
        return Html.of(
            '<p><label for="reason">Answer</label><textarea id="reason" name="reason" rows="3" '
            'maxlength="{}"></textarea></p>',
            REASON_LENGTH_MAX,
        )
    options = (
        Html.of('<option value="{}">{}</option>', number, each)
        for number, each in enumerate(choices)
    )
    return Html.of(
        '<p><label for="choice">Answer</label><select id="choice" name="choice">{}</select></p>',
        Html.joined("", options),
    )
