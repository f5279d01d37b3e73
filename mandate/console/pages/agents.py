"""Agents and their tiers, as the ledger has them: the fold that `mandate agents` shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dsl.rules.trust.scorecard import Card
from dsl.shown.markup import described, shown_text_time
from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.frame import Viewed, empty, href, link, listed
from mandate.console.pages.moments import text_ago
from mandate.people.standing import Next

SHOWN_MAX: Final = 500
_BREACHES_MAX: Final = 20
_REVOKED: Final = Html('<span class="state bad">revoked</span>')
_HEAD: Final = ("Agent", "Tier", "Since", "Runs", "Violations", "Next")


def agents_page(agents: Sequence[tuple[Card, Next]]) -> Viewed:
    """Return all of them."""
    rows = [_row(*each) for each in agents[:SHOWN_MAX]]
    found = empty(Html("The first run of an agent makes it known."))
    if rows:
        found = listed(_HEAD, rows)
    if len(agents) > SHOWN_MAX:
        rest = Terminal.of("and {} more; see mandate agents", len(agents) - SHOWN_MAX)
        found = Html.of("{}<p>{}</p>", found, rest)
    body = Html.of('<h1>Agents</h1><p class="lead">As the ledger has them.</p>{}', found)
    return Viewed(Html("Agents"), body)


def agent_page(card: Card, following: Next) -> Viewed:
    """Return one."""
    breaches = [
        Html.of(
            "<li>{}: {}, {}, entry {}</li>",
            *(shown_text_time(each.ts), each.kind, each.consequence, each.seq),
        )
        for each in card.breaches[-_BREACHES_MAX:]
    ]
    unmet = [Html.of("<li>{}</li>", each) for each in following.unmet]
    rows = [
        (
            Html("tier"),
            Html.of(
                "{} ({}), since {}", card.tier.name, card.tier.title, shown_text_time(card.since)
            ),
        ),
        (
            Html("stands"),
            _REVOKED if card.revoked else Html('<span class="state well">well</span>'),
        ),
        (Html("pipeline"), Html.of("<bdi>{}</bdi>", card.pipeline)),
        (Html("template"), Html.of("<bdi>{}</bdi>", card.template)),
        (Html("program"), Html.of("<code>{}</code>", card.program)),
        (Html("runs"), Html.of("{} ended, {} compliant", card.ended, card.compliant)),
        (Html("in a row"), Html.of("{}", card.in_a_row)),
        (Html("evidence"), Html.of("entries {} to {}", card.first, card.last)),
        (Html("next"), Html.of("{}", following.brief())),
    ]
    if card.trial:
        rows.insert(1, (Html("trial"), Html("its tier is lent, to try it out")))
    body = Html.of(
        '<p class="crumb">Agent</p><h1><bdi>{}</bdi></h1><div class="card">{}</div>'
        '<h2>Lacks for what is next</h2><div class="card"><ul>{}</ul></div>'
        '<h2>Violations</h2><div class="card"><ul>{}</ul></div>',
        *(Html.of("{}", card.agent, limit=1_000), described(rows)),
        Html.joined("", unmet) or Html("<li>nothing</li>"),
        Html.joined("", breaches) or Html("<li>none</li>"),
    )
    return Viewed(Html.of("{}", card.agent), body)


def _row(card: Card, following: Next) -> Sequence[Html]:
    tier = _REVOKED if card.revoked else Html.of("{}", card.tier.name)
    return (
        link(href("/agent", id=card.agent), card.agent),
        Html.of("{}{}", tier, Html(" (trial)") if card.trial else Html()),
        text_ago(card.since),
        Html.of("{}/{}", card.compliant, card.ended),
        Html.of("{}", card.violations),
        Html.of("{}", following.brief()),
    )
