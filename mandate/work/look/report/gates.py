"""Gates in a report: who was asked, who decided, when, why, and how it is known who they are."""

from __future__ import annotations

from typing import Final

from dsl import actions
from dsl.plan import GateStep, walk
from dsl.shown.markup import described, kind_of, shown_text_time, table
from dsl.shown.surfaces import Html
from mandate.people.accounts import CountedVote, DecidedGate, PendingGate
from mandate.work.look.report.findings import GATE_DECIDED, GATE_OPENED, Findings

VOTES_SHOWN_MAX: Final = 200  # of one gate
GATES_SHOWN_MAX: Final = 500
_KNOWN: Final = {
    "verified": Html('<span class="well">verified</span>: signed with their own key'),
    "claimed": Html('<span class="wait">claimed</span>: they said so, nobody has proven it'),
}


def gates_part(found: Findings) -> Html:
    """Return the part; nothing where the run has asked nobody."""
    told = found.account.told
    decided = [_decided(found, gate) for gate in told.gates()[:GATES_SHOWN_MAX]]
    pending = [_pending(gate) for gate in told.waiting_for] if found.account.is_under_way else []
    if not decided and not pending:
        return Html()
    left = len(told.gates()) - len(decided)
    more = Html.of('<p class="quiet">and {} more gates</p>', left) if left else Html()
    body = Html.joined("\n", [*decided, *pending, more])
    return Html.of("<section><h2>Who allowed it</h2>{}</section>", body)


def _decided(found: Findings, gate: DecidedGate) -> Html:
    step = _step(found, gate.gate)
    opening = Html.of(", opening {}", gate.opening) if gate.opening > 1 else Html()
    opened = found.moment(GATE_OPENED, gate.gate, gate.opening)
    decided = found.moment(GATE_DECIDED, gate.gate, gate.opening)
    rows = [
        (Html("asked"), shown_text_time(opened)),
        (Html("decided"), shown_text_time(decided)),
        (Html("why"), Html.of("<bdi>{}</bdi>", gate.detail)),
    ]
    if step is not None:
        rows.insert(0, (Html("asks"), Html.of("{}", " · ".join(step.facts))))
    if step is not None and step.description:
        rows.insert(0, (Html("about"), Html.of("<bdi>{}</bdi>", step.description, limit=2_000)))
    if gate.escalated:
        rows.append((Html("escalated"), Html("others were asked than at first")))
    head = Html.of(
        '<h3><bdi>{}</bdi>{}: <span class="{}">{}</span></h3>',
        *(gate.gate, opening, kind_of(gate.verdict), gate.verdict),
    )
    return Html.of(
        '<div class="gate">{}{}{}</div>', head, described(rows), _votes(found, gate, decided)
    )


def _votes(found: Findings, gate: DecidedGate, decided: str) -> Html:
    if not isinstance(gate.votes, tuple):
        return Html.of("<p>{} votes, too many to be told</p>", gate.votes)
    if not gate.votes:
        return Html("<p>Nobody's vote has counted.</p>")
    rows = [_vote(found, gate, vote, decided) for vote in gate.votes[:VOTES_SHOWN_MAX]]
    shown = table(("who", "said", "when", "why", "how it is known"), rows)
    left = len(gate.votes) - len(rows)
    return Html.of("{}<p>and {} more votes</p>", shown, left) if left else shown


def _vote(found: Findings, gate: DecidedGate, vote: CountedVote, decided: str) -> tuple[Html, ...]:
    where = gate.gate, gate.opening, vote.voter
    proven = found.moment(actions.VOTE_PROVEN, *where) or found.moment(actions.VOTE_VOUCHED, *where)
    before = Html.of("by {}", shown_text_time(decided)) if decided else Html()
    return (
        Html.of("<bdi>{}</bdi>", vote.voter),
        Html.of('<span class="{}">{}</span>', kind_of(vote.decision), vote.decision),
        shown_text_time(proven) if proven else before,
        Html.of("<bdi>{}</bdi>", vote.reason, limit=2_000),
        _KNOWN.get(vote.identity) or Html.of("{}", vote.identity or "not known"),
    )


def _pending(gate: PendingGate) -> Html:
    asked = gate.still_needed_of or ", ".join(gate.approvers)
    rows = [
        (Html("waits for"), Html.of("<bdi>{}</bdi>", asked)),
        (Html("until"), shown_text_time(gate.due)),
    ]
    head = Html.of('<h3><bdi>{}</bdi>: <span class="wait">waiting</span></h3>', gate.gate)
    return Html.of('<div class="gate">{}{}</div>', head, described(rows))


def _step(found: Findings, path: str) -> GateStep | None:
    steps = walk(found.plan.steps) if found.plan is not None else ()
    return next((each for each in steps if isinstance(each, GateStep) and each.path == path), None)
