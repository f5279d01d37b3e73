"""The board of one run: how far it has come, what it waits for, and what is to be known of it.

What moves is made of the run's own answer to ``status``; the rest of it all, when the page is
loaded. Events, payloads and the stack are Temporal's Web UI's, which is a link away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dsl.plan import Plan
from dsl.rules.run.foremost import counted, foremost
from dsl.shown.diagram import diagram
from dsl.shown.heads import HEADED_RANK_MAX, KEPT, rank
from dsl.shown.markup import described, kind_of, table, took
from dsl.shown.surfaces import Html, Terminal
from mandate.console.pages.frame import Viewed, address, href, link, listed, outside
from mandate.console.pages.moments import cell_digest, until
from mandate.people.accounts import Account, DecidedGate, PendingGate, StageAccount
from mandate.people.outputs import Put

ROWS_MAX: Final = 100
DRAWN_MAX: Final = 200  # stages; of more the table tells what matters


@dataclass(frozen=True, slots=True)
class Board:
    """What was found of a run."""

    account: Account
    plan: Plan | None  # None: it does not say
    web_ui: str  # its page there
    stage_uis: Mapping[str, str]


def run_page(board: Board) -> Viewed:
    """Return the page."""
    account, told = board.account, board.account.told
    title = Html.of("{}", account.workflow)
    what = Html.of("{} {}", told.pipeline or account.type, told.version)
    if told.kind:
        what = Html.of("{} {}", told.kind, told.agent)
    body = Html.of(
        '<p class="crumb">Run of <bdi>{}</bdi>{}</p><h1><bdi>{}</bdi></h1>',
        *(what, outside(board.web_ui, Html("Temporal Web UI"))),
        Html.of("{}", account.workflow, limit=1_000),
    )
    after = Html.joined("\n", [each for each in (_decided(account), _outputs(account)) if each])
    after = Html.of("{}{}", after, _facts(account))
    stream = href("/live/run", id=account.workflow) if account.is_under_way else ""
    return Viewed(title, body, stream, board_part(board), after)


def board_part(board: Board) -> Html:
    """Return what moves: the state, the picture, what is waited for, the stages."""
    account = board.account
    word = account.status
    if account.is_under_way:
        waits = bool(account.told.waiting_for)
        word = "paused" if account.told.paused else "waiting" if waits else "running"
    parts = [
        Html.of(
            '<p class="lead"><span class="state {}">{}</span> {}</p>',
            *(kind_of(word), word, Html.of("<bdi>{}</bdi>", account.sentence, limit=2_000)),
        ),
        _silent(account),
        _waiting(account),
        _picture(board),
        _stages(board),
    ]
    return Html.joined("\n", [each for each in parts if each])


def _silent(account: Account) -> Html:
    if account.answered:
        return Html()
    return Html('<p class="bad">The run does not answer: is a worker running?</p>')


def _waiting(account: Account) -> Html:
    gates = account.told.waiting_for if account.is_under_way else ()
    rows = [_gate_line(account.workflow, each) for each in gates[:ROWS_MAX]]
    if len(gates) > ROWS_MAX:
        rows.append(Html.of("<li>and {} more</li>", len(gates) - ROWS_MAX))
    return Html.of('<ul class="waits">{}</ul>', Html.joined("", rows)) if rows else Html()


def _gate_line(run: str, gate: PendingGate) -> Html:
    whom = (
        Html.of("{}", gate.still_needed_of) if gate.still_needed_of else Html.listed(gate.approvers)
    )
    return Html.of(
        '<li><div class="what"><strong><bdi>{}</bdi></strong><p><bdi>{}</bdi>, due {}</p></div>'
        '<a class="button" href="{}">Look and answer</a></li>',
        *(gate.gate, whom, until(gate.due)),
        address(href("/gate", run=run, gate=gate.gate)),
    )


def _picture(board: Board) -> Html:
    rows = board.account.told.stages
    if board.plan is None or len(rows) > DRAWN_MAX:
        return Html()
    now = datetime.now(UTC)
    marks = {path: row.mark(now) for path, row in rows.items()}
    gates = {each.gate for each in board.account.told.waiting_for}
    numbers = _numbers(board)

    def leads(path: str) -> str:
        if path in gates:
            return href("/gate", run=board.account.workflow, gate=path)
        return f"#stage-{numbers.get(path, 0)}"

    drawn = diagram(board.plan, marks, link=leads)
    return Html.of('<div class="card wide">{}</div>', drawn)


def _numbers(board: Board) -> dict[str, int]:
    """Return what each stage is called within the page."""
    return {path: number for number, path in enumerate(board.account.told.stages)}


def _stages(board: Board) -> Html:
    rows, now = board.account.told.stages, datetime.now(UTC)
    brief = {path: {"status": row.status} for path, row in rows.items()}
    shown = foremost(brief, ROWS_MAX)
    if not shown:
        return Html()
    numbers = _numbers(board)
    lines = (_stage(board, (numbers[path], path), rows[path], now) for path in shown)
    found = listed(("Stage", "State", "Took", "Detail"), lines)
    if len(shown) < len(rows):
        each = [Html.of("{} {}", count, kind) for count, kind in counted(brief)]
        found = Html.of("{}<p>{} stages: {}</p>", found, len(rows), Html.joined(", ", each))
    return Html.of("<h2>Stages</h2>{}", found)


def _stage(board: Board, called: tuple[int, str], row: StageAccount, now: datetime) -> list[Html]:
    tries = Html.of(" ({} tries)", row.attempts) if row.attempts > 1 else Html()
    return [
        Html.of(
            '<bdi id="stage-{}">{}</bdi> {}<span class="sub">{}</span>',
            *called,
            *(outside(board.stage_uis.get(called[1], ""), Html("Web UI")), row.type),
        ),
        Html.of('<span class="state {}">{}</span>', kind_of(row.status), row.status),
        Html.of("{}", took(row.seconds(now))),
        Html.of("<bdi>{}</bdi>{}", row.detail, tries) if row.detail or tries else Html(),
    ]


def _decided(account: Account) -> Html:
    gates = [_verdict(each) for each in account.told.gates()[:ROWS_MAX]]
    if not gates:
        return Html()
    return Html.of("<section><h2>Decided</h2>{}</section>", Html.joined("", gates))


def _verdict(gate: DecidedGate) -> Html:
    votes = gate.votes if isinstance(gate.votes, tuple) else ()
    lines = (
        Html.of(
            "<li><bdi>{}</bdi>: {} ({}) <bdi>{}</bdi></li>",
            *(vote.voter, vote.decision, vote.identity or "not known", vote.reason),
        )
        for vote in votes[:ROWS_MAX]
    )
    return Html.of(
        '<div class="gate"><h3><bdi>{}</bdi> <span class="state {}">{}</span></h3><p>{}</p>'
        "<ul>{}</ul></div>",
        *(gate.gate, kind_of(gate.verdict), gate.verdict, gate.detail, Html.joined("", lines)),
    )


def _outputs(account: Account) -> Html:
    """Return what was put out; what the engine tells of each stage is folded."""
    found = [
        (path, each)
        for path, row in account.told.stages.items()
        for each in {output.name: output for output in row.outputs}.values()
    ]
    if not found:
        return Html()
    more = Html()
    if len(found) > ROWS_MAX:
        rest = Terminal.command("mandate artifact list {}", account.workflow)
        more = Html.of("<p>and {} more: <code>{}</code></p>", len(found) - ROWS_MAX, rest)
    found = found[:ROWS_MAX]
    told = [each for each in found if _rank(each[1]) <= HEADED_RANK_MAX]
    folded = [each for each in found if each not in told]
    shown = Html.of('<div class="card list">{}</div>', _rows(account, told)) if told else Html()
    if folded:
        shown = Html.of(
            '{}<details class="card list"><summary>{} ({})</summary>{}</details>',
            *(shown, KEPT, len(folded), _rows(account, folded)),
        )
    return Html.of("<section><h2>Outputs</h2>{}{}</section>", shown, more)


def _rank(output: Put) -> int:
    return rank(output.phase, output.name)


def _rows(account: Account, found: Sequence[tuple[str, Put]]) -> Html:
    rows = (
        [
            link(href("/output", run=account.workflow, stage=path, name=each.name), each.name),
            Html.of("<bdi>{}</bdi>", path),
            Html.of("<bdi>{}</bdi>", each.media_type),
            Html.of("{:,}", each.size),
            cell_digest(each.digest),
        ]
        for path, each in sorted(found, key=lambda pair: _rank(pair[1]))
    )
    return table(("Output", "Stage", "Kind", "Bytes", "Digest"), rows)


def _facts(account: Account) -> Html:
    return Html.of(
        '<section><h2>Facts</h2><div class="card">{}</div></section>', described(account.facts())
    )
