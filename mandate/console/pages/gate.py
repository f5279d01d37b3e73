"""A gate: exactly what is approved, and the form that answers.

1. All that a vote is bound to stands here: plan, inputs, every output with its digest, a call with
   its arguments, what waits in Vault. What is asked stands first, and beside it all the form; where
   there is no room beside it, below, with a link that leads there.
2. The form carries the digest of all that. What is signed later is this, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from dsl.plan import Plan
from dsl.review.decision import CouncilRuling
from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.approved import bound_part, clarified_part, outputs_part
from mandate.console.pages.decision import PLACE, decision_part
from mandate.console.pages.frame import Viewed, href, link, listed, outside
from mandate.console.sessions import WebSession
from mandate.people.gates.answering import answers
from mandate.people.gates.contents import Contents
from mandate.people.gates.rows import GateRow
from mandate.people.gates.shown import call_lines

QUESTION_MAX: Final = 2_000  # characters
DECISIONS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class GateView:
    """A gate as it was found."""

    run: str
    row: GateRow
    plan: Plan
    shown: str  # digest of all that a vote is bound to (2)
    contents: Contents
    since: tuple[Terminal, ...]  # what changed since the last approval
    web_ui: str


def gate_page(view: GateView, session: WebSession | None) -> Viewed:
    """Return the page."""
    row = view.row
    about = Html.of('<p class="ask"><bdi>{}</bdi></p>', row.description)
    escalated = Html(
        ' <span class="state bad">escalated</span> those who were asked first did not answer'
    )
    body = Html.of(
        '<p class="crumb">Gate of {}{}</p><h1><bdi>{}</bdi></h1>{}<p><span class="wait">'
        '<bdi>{}</bdi></span>{}</p><p><a class="jump" href="#{}">To the decision</a></p>',
        *(link(href("/run", id=view.run), view.run), outside(view.web_ui, Html("Temporal Web UI"))),
        *(Html.of("{}", row.gate, limit=1_000), about if row.description else Html()),
        *(row.still_needed_of, escalated if row.escalated else Html(), Html.of("{}", PLACE)),
    )
    parts = [
        _question(row),
        _call(row),
        Html.of("<section><h2>What is approved</h2>{}</section>", bound_part(row, view.plan)),
        clarified_part(row, view.plan),
        _council(row),
        outputs_part(view.run, row, view.contents),
        _before(view),
        _elsewhere(view),
    ]
    what = Html.joined("\n", [each for each in parts if each])
    return Viewed(
        Html.of("{}", row.gate),
        body,
        moving=Html.of(
            '<div class="split"><div>{}</div>{}</div>',
            *(what, decision_part(view.run, row, view.shown, session)),
        ),
    )


def _question(row: GateRow) -> Html:
    if row.question is None:
        return Html()
    return Html.of(
        '<section class="gate"><h2>The agent asks</h2><p><bdi>{}</bdi></p></section>',
        Html.of("{}", row.question.text, limit=QUESTION_MAX),
    )


def _call(row: GateRow) -> Html:
    """Show the call that is asked for, as at a terminal: nobody approves a digest alone (1)."""
    if row.call is None:
        return Html()
    return Html.of(
        '<section class="gate"><h2>The call</h2><pre tabindex="0">{}</pre></section>',
        Html.excerpt(call_lines(row.call)),
    )


def _council(row: GateRow) -> Html:
    """Show what members have decided, and first what they leave to people."""
    if not row.decisions:
        return Html()
    rows = (
        [Html.of("<bdi>{}</bdi>", word) for word in (each.suggestion, each.ruling, each.why)]
        for each in sorted(row.decisions, key=lambda each: each.ruling != CouncilRuling.HUMAN)
    )
    beyond = len(row.decisions) - DECISIONS_MAX
    more = Html.of("<p>and {} more</p>", beyond) if beyond > 0 else Html()
    return Html.of(
        "<section><h2>What the council says</h2><p><bdi>{}</bdi></p>{}{}</section>",
        *(row.advice, listed(("Suggestion", "Ruling", "Why"), islice(rows, DECISIONS_MAX)), more),
    )


def _before(view: GateView) -> Html:
    if not view.since:
        return Html()
    return Html.of(
        '<section><h2>Since the last approval</h2><pre tabindex="0">{}</pre></section>',
        Html.excerpt(view.since),
    )


def _elsewhere(view: GateView) -> Html:
    lines = list(answers(view.run, view.row.model_dump(mode="json")))
    return Html.of(
        '<details><summary>From a terminal</summary><pre tabindex="0">{}</pre></details>',
        Html.excerpt(lines),
    )
