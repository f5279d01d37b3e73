"""The runs, as the server's list has them: no run is asked, so a thousand cost what one costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dsl.shown.markup import kind_of, took
from dsl.shown.surfaces import Html
from integrations.web.engine import KnownRun
from mandate.console.pages.frame import Viewed, address, empty, href, link, listed
from mandate.console.pages.moments import ago

_HEAD: Final = ("Run", "State", "Waits for", "Began", "Took")


def runs_page(runs: Sequence[KnownRun], *, older: str, before: str) -> Viewed:
    """Return the newest runs, or those older than a moment; ``older`` is where the next begin."""
    body = Html(
        '<div class="top"><div><h1>Runs</h1><p class="lead">Newest first. See what '
        '<a href="/waiting">waits for somebody</a>.</p></div>'
        '<a class="button" href="/start">Start a run</a></div>'
    )
    more = Html()
    if older:
        more = Html.of(
            '<p><a rel="next" href="{}">Older runs</a></p>', address(href("/", before=older))
        )
    if before:  # what is past does not move
        return Viewed(Html("Runs"), body, moving=runs_part(runs), after=more)
    return Viewed(Html("Runs"), body, "/live/runs", runs_part(runs), more)


def runs_part(runs: Sequence[KnownRun]) -> Html:
    """Return the table."""
    if not runs:
        return empty(Html('There is no run here. <a href="/start">Start one</a>.'))
    return listed(_HEAD, map(_row, runs))


def _row(run: KnownRun) -> Sequence[Html]:
    word = (run.told if run.is_under_way else "") or run.status
    lasted = (run.ended - run.started).total_seconds() if run.started and run.ended else None
    return (
        Html.of('{}<bdi class="sub">{}</bdi>', link(href("/run", id=run.run), run.run), run.type),
        Html.of('<span class="state {}">{}</span>', kind_of(word), word),
        Html.joined(", ", _gates(run)),
        ago(run.started),
        Html.of("{}", took(lasted)),
    )


def _gates(run: KnownRun) -> Iterator[Html]:
    for each in run.gates if run.is_under_way else ():
        yield link(href("/gate", run=run.run, gate=each), each)
