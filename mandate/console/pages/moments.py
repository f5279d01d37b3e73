"""Times as people ask for them: how long ago, how long yet; and what a digest is in a page.

1. What is shown is by the minute, so that a page that is looked at does not change every second.
   The whole moment stands beside it where somebody has to be in time, else in its title.
2. All are of UTC and say so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from dsl.shown.markup import moment_of
from dsl.shown.surfaces import Html

_SOON: Final = timedelta(seconds=45)
_UNITS: Final = (  # up to, of how many seconds, called
    (timedelta(minutes=59, seconds=30), 60, "min"),
    (timedelta(hours=36), 3_600, "h"),
    (timedelta(days=45), 86_400, "days"),
)


def ago(moment: datetime | None, now: datetime | None = None) -> Html:
    """Return how long ago something was."""
    if moment is None:
        return Html()
    there = moment.astimezone(UTC)
    words = _distance((now or datetime.now(UTC)) - there)
    said = Html.of("{} ago", words) if words else Html("just now")
    if words is None:
        said = _day(there)
    return Html.of(
        '<time datetime="{}" title="{}">{}</time>',
        *(there, there.strftime("%Y-%m-%d %H:%M:%S UTC"), said),
    )


def text_ago(text: str) -> Html:
    """Return how long ago a time was that is told as text; as it is where it is none."""
    moment = moment_of(text)
    return Html.of("{}", text) if moment is None else ago(moment)


def until(text: str, now: datetime | None = None) -> Html:
    """Return how long something told as text is yet, and when that is (1)."""
    moment = moment_of(text)
    if moment is None:
        return Html.of("{}", text)
    here = now or datetime.now(UTC)
    words = _distance(moment - here)
    clock = Html.of("{}", moment.strftime("%H:%M UTC"))
    if moment.date() != here.date():
        clock = Html.of("{}, {}", _day(moment), clock)
    said = clock if words is None else Html.of("{} ({})", _to_come(words), clock)
    if moment < here - _SOON:
        said = Html.of("passed ({})", clock)
    return Html.of('<time datetime="{}">{}</time>', moment, said)


def small_digest(text: str) -> Html:
    """Return a digest, whole."""
    return Html.of('<code class="digest">{}</code>', text)


def cell_digest(text: str) -> Html:
    """Return one of a table: as far as there is room, and whole when pointed at or focused."""
    return Html.of('<code class="digest" tabindex="0">{}</code>', text)


def _to_come(words: str) -> Html:
    return Html.of("in {}", words) if words else Html("now")


def _distance(distance: timedelta) -> str | None:
    """Return a distance in words; empty for next to none, None for one that a date tells better."""
    if distance < _SOON:
        return ""
    for most, seconds, unit in _UNITS:
        if distance < most:
            number = max(1, round(distance.total_seconds() / seconds))
            return f"{number} {unit if number > 1 or unit != 'days' else 'day'}"
    return None


def _day(there: datetime) -> Html:
    return Html.of("{}", f"{there.day} {there.strftime('%b %Y')}")
