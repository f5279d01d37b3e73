"""Pieces that pages share: times, tables, lists of facts, what is good and bad."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from dsl.shown.surfaces import Html
from dsl.values.durations import render_duration

_KINDS: Final = {
    "completed": "well",
    "approved": "well",
    "approve": "well",
    "failed": "bad",
    "rejected": "bad",
    "reject": "bad",
    "revoked": "bad",
    "terminated": "bad",
    "timed out": "bad",
    "refused": "bad",
    "cancelled": "wait",
    "waiting": "wait",
    "running": "wait",
    "under way": "wait",
}


def kind_of(word: str) -> str:
    """Return the class of a state: it repeats the word that stands there."""
    return _KINDS.get(word, "quiet")


def took(seconds: float | None) -> str:
    """Return how long something took, in words."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds:.2f}s"
    return render_duration(int(seconds) * 1_000)


def shown_time(moment: datetime | None) -> Html:
    """Return a time for people and for programs."""
    if moment is None:
        return Html()
    there = moment.astimezone(UTC)
    return Html.of('<time datetime="{}">{}</time>', there, there.strftime("%Y-%m-%d %H:%M:%S UTC"))


def shown_text_time(text: str) -> Html:
    """Return a time that is told as text; as it is where it is none."""
    moment = moment_of(text)
    return Html.of("{}", text) if moment is None else shown_time(moment)


def moment_of(text: str) -> datetime | None:
    """Return the time that is told as text, of UTC; None: it is none, or out of every calendar."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def described(rows: Iterable[tuple[Html, Html]]) -> Html:
    """Return facts with their names."""
    pairs = (Html.of("<dt>{}</dt><dd>{}</dd>", *row) for row in rows)
    return Html.of("<dl>{}</dl>", Html.joined("", pairs))


def table(head: Sequence[str], rows: Iterable[Sequence[Html]]) -> Html:
    """Return a table; each cell says of what it is, for where no room is for its head."""
    names = Html.joined("", (Html.of('<th scope="col">{}</th>', each) for each in head))
    lines = (
        Html.of("<tr>{}</tr>", Html.joined("", map(_cell, ("", *head[1:]), row))) for row in rows
    )
    return Html.of(
        '<div class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        *(names, Html.joined("\n", lines)),
    )


def _cell(of: str, cell: Html) -> Html:
    return Html.of('<td data-of="{}">{}</td>', of, cell) if of else Html.of("<td>{}</td>", cell)
