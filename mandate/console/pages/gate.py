"""A gate: exactly what is approved, and the form that answers.

1. All that a vote is bound to stands here: plan, inputs, every output with its digest, a call with
   its arguments, what waits in Vault. What outputs say is text, whatever it says it is.
2. The form carries the digest of all that. What is signed later is this, or nothing.
3. A clarified plan is shown against the plan as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dsl.limits import REASON_LENGTH_MAX
from dsl.plan import AgentStep, Plan, walk
from dsl.rules.gates.gate_rules import NO_OUTPUT
from dsl.rules.health.clarification import scope_of
from dsl.shown.heads import HeadState
from dsl.shown.markup import described, shown_text_time, table
from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.frame import (
    Viewed,
    address,
    href,
    link,
    outside,
    token_field,
)
from mandate.console.sessions import WebSession
from mandate.people.gates.answering import answers
from mandate.people.gates.contents import Contents, best_head, headed
from mandate.people.gates.rows import NONE, GateRow, HeadRow, OutputRow
from mandate.people.gates.shown import call_lines
from mandate.people.gates.wishes import APPROVE, REJECT

SHOWN_FIELD: Final = "shown"
VALUE_MAX: Final = 2_000  # characters of an input


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
    escalated = Html(", escalated: those asked first did not answer") if row.escalated else Html()
    body = Html.of(
        '<h1><bdi>{}</bdi></h1><p class="lead">Gate of {} {}</p><p><bdi>{}</bdi></p>'
        '<p class="wait"><bdi>{}</bdi>{}, until {}</p>',
        *(Html.of("{}", row.gate, limit=1_000), link(href("/run", id=view.run), view.run)),
        *(outside(view.web_ui, Html("In the Temporal Web UI")), row.description),
        *(row.still_needed_of, escalated, shown_text_time(row.due)),
    )
    parts = [
        _question(row),
        _call(row),
        _form(view, session),
        Html.of("<section><h2>What is approved</h2>{}</section>", _bound(view)),
        _clarified(view),
        Html.joined("", (_output(view, each) for each in headed(row))),
        _others(row),
        _votes(row),
        _before(view),
        _elsewhere(view),
    ]
    return Viewed(Html.of("{}", row.gate), body, moving=Html.joined("\n", filter(None, parts)))


def _question(row: GateRow) -> Html:
    if row.question is None:
        return Html()
    return Html.of(
        '<section class="gate"><h2>The agent asks</h2><p><bdi>{}</bdi></p></section>',
        Html.of("{}", row.question.text, limit=VALUE_MAX),
    )


def _call(row: GateRow) -> Html:
    """Show the call that is asked for, as at a terminal: nobody approves a digest alone (1)."""
    if row.call is None:
        return Html()
    return Html.of(
        '<section class="gate"><h2>The call</h2><pre tabindex="0">{}</pre></section>',
        Html.excerpt(call_lines(row.call)),
    )


def _form(view: GateView, session: WebSession | None) -> Html:
    here = href("/gate", run=view.run, gate=view.row.gate)
    if session is None:
        return Html.of(
            '<p class="act"><a class="button" href="{}">Log in to answer</a></p>',
            address(href("/login", next=here)),
        )
    row = view.row
    asked = _answer_field(row) if row.question is not None else _reason_field(row)
    approve, reject = Html.of("{}", APPROVE), Html.of("{}", REJECT)
    return Html.of(
        '<form class="act" method="post" action="{}">{}<input type="hidden" name="{}" value="{}">{}'
        '<p><button name="decision" value="{}">{}</button> '
        '<button class="reject" name="decision" value="{}">Reject</button></p>'
        '<p class="quiet">Signed as <bdi>{}</bdi>, with the key that only this login can use: for '
        "this run, this gate, these digests, once.</p></form>",
        *(address(href("/vote", run=view.run, gate=row.gate)), token_field(session)),
        *(Html.of("{}", SHOWN_FIELD), view.shown, asked, approve),
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


def _bound(view: GateView) -> Html:
    row, plan = view.row, view.plan
    rows = [
        (
            Html("plan"),
            Html.of("<bdi>{} {}</bdi> <code>{}</code>", plan.name, plan.version, row.plan),
        ),
        *(
            (
                Html.of("input <bdi>{}</bdi>", name),
                Html.of("<code>{}</code>", Html.of("{}", repr(value), limit=VALUE_MAX)),
            )
            for name, value in sorted(row.run_inputs.items())
        ),
        (Html("inputs"), Html.of("<code>{}</code>", row.inputs)),
        (Html("opening"), Html.of("{}", row.opening)),
        (Html("outputs"), Html.of("<code>{}</code>", row.subject_digest)),
    ]
    if not row.subject:
        rows.append((Html("binds"), Html.of("{}", NO_OUTPUT)))
    if row.vault.state != NONE:
        rows.append((Html("vault"), Html.of("{} <bdi>{}</bdi>", row.vault.state, row.vault.detail)))
    for each in row.vault.requests:
        words = (each.place, each.stage, each.agent)
        rows.append((Html("to be read"), Html.of("<bdi>{}</bdi> by {} ({})", *words)))
    return described(rows)


def _clarified(view: GateView) -> Html:
    """Show a clarified plan against the one that was written (3)."""
    found = view.row.clarification
    if found is None:
        return Html()
    steps = [step for step in walk(view.plan.steps) if isinstance(step, AgentStep)]
    written = next((scope_of(step) for step in steps if step.path == found.stage), ())
    gone = [each for each in written if each not in found.plan.scope]
    lines = [
        *(Html.of("<li><ins>{}</ins> what went wrong</li>", each) for each in found.plan.reasons),
        *(Html.of("<li><ins>{}</ins> constraint</li>", each) for each in found.plan.constraints),
        *(Html.of("<li>{} may still be touched</li>", each) for each in found.plan.scope),
        *(Html.of("<li><del>{}</del> may be touched no more</li>", each) for each in gone),
    ]
    return Html.of(
        '<section><h2>The plan of <bdi>{}</bdi>, clarified</h2><p class="quiet">Clarification {}, '
        'beside the plan as it was written.</p><ul class="diff">{}</ul></section>',
        *(found.stage, found.number, Html.joined("", lines)),
    )


def _output(view: GateView, output: OutputRow) -> Html:
    head = best_head(view.contents.heads.get(output.digest), output.head)
    whole = href("/output", run=view.run, stage=output.stage, name=output.name)
    size = output.size if head is None or head.size is None else head.size
    return Html.of(
        '<article class="gate"><h3>{} <span class="quiet">of</span> <bdi>{}</bdi></h3>'
        '<p class="quiet"><bdi>{}</bdi>, {:,} bytes <code>{}</code></p>{}</article>',
        *(link(whole, output.name), output.stage, output.media_type, size, output.digest),
        _head(head, whole),
    )


def _head(head: HeadRow | None, whole: str) -> Html:
    if head is None:
        return Html()
    if head.state != HeadState.TEXT:
        return Html.of("<p>{}</p>", head.state)
    cut = Html.of('<p><a href="{}">The whole</a></p>', address(whole)) if head.is_cut else Html()
    return Html.of('<pre tabindex="0">{}</pre>{}', Html.excerpt(head.lines), cut)


def _others(row: GateRow) -> Html:
    telling = {(each.stage, each.name) for each in headed(row)}
    rows = [
        [
            Html.of("<bdi>{}</bdi>", name),
            Html.of("<bdi>{}</bdi>", stage),
            Html.of("<code>{}</code>", digest),
        ]
        for stage, outputs in sorted(row.subject.items())
        for name, digest in sorted(outputs.items())
        if (stage, name) not in telling
    ]
    if not rows:
        return Html()
    return Html.of(
        "<section><h3>Accounts of the engine</h3>{}</section>",
        table(("Output", "Stage", "Digest"), rows),
    )


def _votes(row: GateRow) -> Html:
    lines = [
        Html.of(
            "<li><bdi>{}</bdi>: {} ({})</li>",
            *(each.voter, each.decision, "verified" if each.proven else "claimed"),
        )
        for each in row.voted
    ]
    voted = Html.joined("", lines) or Html("<li>Nobody yet.</li>")
    return Html.of("<section><h2>Votes</h2><ul>{}</ul></section>", voted)


def _before(view: GateView) -> Html:
    if not view.since:
        return Html()
    return Html.of("<section><h2>Before</h2><pre>{}</pre></section>", Html.excerpt(view.since))


def _elsewhere(view: GateView) -> Html:
    lines = list(_lines(view))
    return Html.of(
        '<details><summary>From a terminal</summary><pre tabindex="0">{}</pre></details>',
        Html.excerpt(lines),
    )


def _lines(view: GateView) -> Iterator[str]:
    yield from answers(view.run, view.row.model_dump(mode="json"))
