"""Outputs in a report: what each stage has put out, and of what tells most the first lines."""

from __future__ import annotations

from typing import Final

from dsl.shown.heads import HEADED_RANK_MAX, HeadState, rank
from dsl.shown.markup import table
from dsl.shown.surfaces import Html
from mandate.people.outputs import Put, latest
from mandate.work.look.report.findings import Findings

OUTPUTS_SHOWN_MAX: Final = 2_000


def outputs_part(found: Findings) -> Html:
    """Return the part; nothing where nothing was put out."""
    parts, left = [], OUTPUTS_SHOWN_MAX
    more = 0
    for path, row in found.account.told.stages.items():
        ranked = sorted(
            latest(row.outputs), key=lambda each: (rank(each.phase, each.name), each.name)
        )
        shown = ranked[:left]
        left, more = left - len(shown), more + len(ranked) - len(shown)
        if shown:
            parts.append(_stage(found, path, shown))
    if not parts:
        return Html()
    rest = Html.of('<p class="quiet">and {} more outputs</p>', more) if more else Html()
    listed = Html.joined("\n", parts)
    return Html.of("<section><h2>What came of it</h2>{}{}</section>", listed, rest)


def _stage(found: Findings, path: str, outputs: list[Put]) -> Html:
    telling = [each for each in outputs if rank(each.phase, each.name) <= HEADED_RANK_MAX]
    previews = Html.joined("\n", [_preview(found, each) for each in telling])
    rows = [
        (
            Html.of("<bdi>{}</bdi>", each.name),
            Html.of("<bdi>{}</bdi>", each.media_type),
            Html.of("{:,} bytes", each.size),
            Html.of("<code>{}</code>", each.digest),
        )
        for each in outputs
    ]
    listed = table(("output", "kind", "size", "digest"), rows)
    return Html.of("<h3><bdi>{}</bdi></h3>{}{}", path, previews, listed)


def _preview(found: Findings, output: Put) -> Html:
    head = found.previews.get(output.digest)
    if head is None:
        return Html()
    if head.state != HeadState.TEXT:
        return Html.of('<p class="quiet"><bdi>{}</bdi>: {}</p>', output.name, head.state)
    cut = Html(" (the first lines)") if head.is_cut else Html()
    return Html.of(
        '<p class="quiet"><bdi>{}</bdi>{}</p><pre>{}</pre>',
        *(output.name, cut, Html.excerpt(head.lines)),
    )
