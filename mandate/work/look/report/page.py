"""The page: a run as people read it who were not there, with nothing from elsewhere in it.

1. No script, no form, no address to anywhere: the policy that stands in it allows styles alone.
2. All text of others came through ``Html``. A preview is text, whatever it says it is.
3. Of what is long a part is shown, and how much is left out is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from dsl.shown.diagram import diagram
from dsl.shown.markup import described, kind_of, shown_time, table, took
from dsl.shown.page_style import PAGE_STYLE
from dsl.shown.surfaces import Html, Terminal
from dsl.shown.timeline import Lane, Span, swatch, timeline
from mandate.people.accounts import Account, StageAccount
from mandate.work.look.report.agents import agents_part
from mandate.work.look.report.findings import Findings, PhaseDone
from mandate.work.look.report.gates import gates_part
from mandate.work.look.report.outputs import outputs_part

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
LANES_MAX: Final = 200
STAGES_SHOWN_MAX: Final = 1_000
_MATURITY: Final = ("alpha", "beta", "gamma")
_BAD: Final = ("FAILED", "TIMED_OUT")


def report_page(found: Findings) -> Html:
    """Return the whole page."""
    account, told = found.account, found.account.told
    head = Html.of(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="{}">'
        '<meta name="referrer" content="no-referrer"><title>{}: {}</title><style>{}</style></head>',
        *(Html(POLICY), account.workflow, account.status, Html(PAGE_STYLE)),
    )
    parts = [
        head,
        Html("<body><header>"),
        Html.of("<h1>{} <bdi>{}</bdi></h1>", told.pipeline or account.type, told.version),
        _lead(found),
        _facts(found),
        Html("</header><main>"),
        _plan(found),
        _times(found),
        gates_part(found),
        _stages(account),
        outputs_part(found),
        agents_part(found),
        _ledger(found),
        Html("</main>"),
        _foot(found),
        Html("</body></html>"),
    ]
    return Html.of("{}\n", Html.joined("\n", [each for each in parts if each]))


def _lead(found: Findings) -> Html:
    account = found.account
    status = "under way" if account.is_under_way else account.status
    words = [Html.of('<span class="state {}">{}</span>', kind_of(status), status)]
    if account.sentence:
        words.append(Html.of("<bdi>{}</bdi>", account.sentence))
    gates = account.told.gates()
    if gates:
        people = dict.fromkeys(
            vote.voter for gate in gates if isinstance(gate.votes, tuple) for vote in gate.votes
        )
        who = Html.of(" by {}", Html.listed(people)) if people else Html()
        words.append(Html.of("{} gate(s) decided{}", len(gates), who))
    return Html.of('<p class="lead">{}</p>', Html.joined(" · ", words))


def _facts(found: Findings) -> Html:
    run = Html.of("<code>{}</code>", found.account.workflow, limit=1_000)
    return described([(Html("run"), run), *found.account.facts()])


def _plan(found: Findings) -> Html:
    if found.plan is None:
        return Html()
    marks = {path: row.mark(found.made) for path, row in found.account.told.stages.items()}
    drawn = diagram(found.plan, marks)
    return Html.of('<section><h2>What ran</h2><div class="wide">{}</div></section>', drawn)


def _times(found: Findings) -> Html:
    account = found.account
    lanes = [
        (row.began_ms, _lane(path, row, found.phases.get(path, ()), found.made))
        for path, row in account.told.stages.items()
        if row.began_ms and row.type in ("agent", "gate")
    ]
    if not lanes or account.started is None:
        return Html()
    lanes.sort(key=lambda pair: pair[0])
    shown = [lane for _, lane in lanes[:LANES_MAX]]
    end = account.closed or found.made
    drawn = timeline("when what went on", _ms(account.started), _ms(end), shown)
    kinds = (Html.of("{} {}", swatch(kind), kind) for kind in _MATURITY)
    key = Html.of(
        "A bar is a phase, by the maturity of what it puts out: {}; {} a gate that waits; {} "
        "something that failed.",
        *(Html.joined(", ", kinds), swatch("wait"), swatch("bad")),
    )
    more = Html()
    if len(lanes) > LANES_MAX:
        more = Html.of(" {} more stages are not drawn.", len(lanes) - LANES_MAX)
    return Html.of(
        '<section><h2>When</h2><div class="wide">{}</div><p class="quiet">{}{}</p></section>',
        *(drawn, key, more),
    )


def _lane(path: str, row: StageAccount, phases: Sequence[PhaseDone], now: datetime) -> Lane:
    spans = [
        Span(
            each.began_ms,
            each.ended_ms,
            "bad" if each.outcome in _BAD else each.maturity,
            f"{each.phase.value}: {took((each.ended_ms - each.began_ms) / 1_000)}",
        )
        for each in phases
    ]
    if not spans:
        end = row.ended_ms or _ms(now)
        spans = [Span(row.began_ms, end, "wait" if row.type == "gate" else "none", row.status)]
    seconds = row.seconds(now)
    return Lane(path, spans, "" if seconds is None else took(seconds))


def _stages(account: Account) -> Html:
    rows = account.told.stages
    if not rows:
        return Html()
    cells = [
        (
            Html.of("<bdi>{}</bdi>", path),
            Html.of("{}", row.type),
            Html.of('<span class="{}">{}</span>', kind_of(row.status), row.status),
            Html.of("{}", row.attempts) if row.attempts > 1 else Html(),
            Html.of("<bdi>{}</bdi>", row.detail),
        )
        for path, row in list(rows.items())[:STAGES_SHOWN_MAX]
    ]
    head = ("stage", "kind", "ended as", "tries", "why")
    return Html.of("<section><h2>How every stage ended</h2>{}</section>", table(head, cells))


def _ledger(found: Findings) -> Html:
    verdict = found.verdict
    agrees = ", and agrees with the history" if verdict.is_compared else ""
    word = {
        True: Html.of('<p class="state well">The ledger is intact{}.</p>', agrees),
        False: Html('<p class="state bad">The ledger and the history cannot be relied on.</p>'),
        None: Html('<p class="state wait">The ledger was not verified for this report.</p>'),
    }[verdict.is_sound]
    items = [Html.of('<li class="bad">{}</li>', each) for each in verdict.problems]
    items += [Html.of("<li>{}</li>", each) for each in verdict.sentences]
    check = Html.of(
        '<p class="quiet">What this page says is not signed. What is, and can be verified by '
        "whoever has the key: <code>{}</code></p>",
        Terminal.command("mandate evidence export {}", found.account.workflow),
    )
    listed = Html.of("<ul>{}</ul>", Html.joined("", items)) if items else Html()
    return Html.of("<section><h2>The record</h2>{}{}{}</section>", word, listed, check)


def _foot(found: Findings) -> Html:
    missing = Html.joined("", _missing(found))
    listed = Html.of("<p>Not in this report:</p><ul>{}</ul>", missing) if missing else Html()
    return Html.of("<footer>{}<p>Made {} by Mandate.</p></footer>", listed, shown_time(found.made))


def _missing(found: Findings) -> Iterator[Html]:
    account = found.account
    for sentence in found.missing:
        yield Html.of("<li>{}</li>", sentence)
    if not account.answered:
        yield Html("<li>its stages: it did not answer</li>")
    if account.outputs_left_out:
        yield Html.of("<li>what {} stages have put out</li>", account.outputs_left_out)
    if account.told.left_out:
        yield Html.of("<li>too large to be told: {}</li>", Html.listed(account.told.left_out))


def _ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1_000)
