"""How everything is that runs stand on: health, the circuit breakers, the head of the ledger.

1. What cannot be seen from here is no finding, as for ``mandate health``. All is well only where
   ledger and circuits are known as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dsl.rules.health.vitality import Vitality
from dsl.shown.markup import described, shown_text_time
from dsl.shown.surfaces import Html
from integrations.health.monitor import Vital
from mandate.console.pages.frame import Viewed, empty, listed
from mandate.people.circuits import NamedCircuit

_KINDS: Final = {
    Vitality.ALIVE: Html("well"),
    Vitality.SUSPECT: Html("wait"),
    Vitality.DEAD: Html("bad"),
}
_CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The last entry of the ledger, or why there is none to be seen."""

    seq: int = -1
    hash: str = ""
    ts: str = ""
    action: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What was found."""

    vitals: Sequence[Vital]
    circuits: Sequence[NamedCircuit]
    circuits_why: str  # they are not known
    head: LedgerHead


def system_page(found: Condition) -> Viewed:
    """Return the page."""
    body = Html('<h1>System</h1><p class="lead">What runs stand on, as this server sees it.</p>')
    return Viewed(Html("System"), body, "/live/system", system_part(found))


def system_part(found: Condition) -> Html:
    """Return what moves."""
    bad = [each for each in found.vitals if _is_bad(each)]
    said = Html()
    if not (bad or found.circuits_why or found.head.why):  # (1) all of it is known
        said = Html('<p class="lead well"><span class="state well">all is well</span></p>')
    if bad:
        said = Html.of(
            '<p class="lead bad"><span class="state bad">{} need attention</span> {}</p>',
            *(len(bad), Html.listed(each.name for each in bad)),
        )
    return Html.of(
        "{}<h2>Health</h2>{}<h2>Circuit breakers</h2>{}<h2>Ledger</h2>{}",
        *(said, _health(found.vitals), _circuits(found), _ledger(found.head)),
    )


def _is_bad(vital: Vital) -> bool:
    """Tell whether it is a finding (1)."""
    return vital.state is not Vitality.ALIVE and not vital.is_elsewhere


def _health(vitals: Sequence[Vital]) -> Html:
    rows = [
        [
            Html.of("{}", each.name),
            Html.of(
                '<span class="state {}">{}</span>',
                _KINDS.get(each.state, Html("quiet")),
                each.state,
            ),
            Html.of("<bdi>{}</bdi>", each.detail),
            Html() if each.state is Vitality.ALIVE else Html.of("<code>{}</code>", each.fix),
        ]
        for each in sorted(vitals, key=lambda each: not _is_bad(each))
    ]
    return listed(("What", "State", "Seen", "What helps"), rows)


def _circuits(found: Condition) -> Html:
    if found.circuits_why:
        return Html.of("<p>{}</p>", found.circuits_why)
    rows = [
        [
            Html.of("<bdi>{}</bdi>", each.name),
            Html.of(
                '<span class="state {}">{}</span>',
                *(Html("well") if each.state == _CLOSED else Html("bad"), each.state),
            ),
            Html.of("{}", each.more),
        ]
        for each in found.circuits
    ]
    if not rows:
        return empty(Html("There is none yet."))
    return listed(("Circuit", "State", ""), rows)


def _ledger(head: LedgerHead) -> Html:
    if head.why:
        return Html.of("<p>{}</p>", head.why)
    rows = [
        (Html("entry"), Html.of("{}", head.seq)),
        (Html("hash"), Html.of("<code>{}</code>", head.hash)),
        (Html("written"), shown_text_time(head.ts)),
        (Html("of"), Html.of("{}", head.action)),
    ]
    return Html.of(
        '<div class="card">{}<p class="quiet">Noted elsewhere, it shows an end that was cut off: '
        "<code>mandate ledger verify --head {}:{}</code></p></div>",
        *(described(rows), head.seq, head.hash),
    )
