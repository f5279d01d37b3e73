"""What went on when: a lane for each who did something, and what struck them all, as SVG.

1. As in ``dsl.shown.diagram``: no script, all text of others escaped, and styles for the page to
   take into its own sheet.
2. Time is drawn as it was. What was too short to be seen is drawn as wide as can be seen.
3. What a bar is, its title says; its colour only groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from dsl.shown.surfaces import Html
from dsl.values.durations import render_duration

WIDTH: Final = 940
LABEL_LENGTH_MAX: Final = 30  # characters
NOTE_LENGTH_MAX: Final = 14
_LEFT, _RIGHT, _LANE, _GAP, _TOP, _FOOT = 200, 90, 18, 6, 20, 16
_WIDTH_LEAST: Final = 2
_TICKS_MAX: Final = 6
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
_STEPS: Final = (
    *(n * 1 for n in (10, 50, 100, 500)),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 4, 6, 12)),
    *(n * _DAY for n in (1, 2, 7)),
)
TIMELINE_STYLE: Final = """
.timeline{--t-ink:#1f2328;--t-quiet:#59636e;--t-line:#d1d9e0;--t-alpha:#c6dbef;--t-beta:#6baed6;
--t-gamma:#2171b5;--t-wait:#d4a72c;--t-none:#afb8c1;--t-bad:#cf222e;font-family:system-ui,sans-serif;
max-width:100%;height:auto;display:block}
@media (prefers-color-scheme:dark){.timeline{--t-ink:#f0f6fc;--t-quiet:#9198a1;--t-line:#30363d;
--t-alpha:#9ecae1;--t-beta:#4292c6;--t-gamma:#2171b5;--t-wait:#bb8009;--t-none:#656c76;
--t-bad:#f85149}}
@media print{.timeline{--t-ink:#1f2328;--t-quiet:#59636e;--t-line:#d1d9e0;--t-alpha:#c6dbef;
--t-beta:#6baed6;--t-gamma:#2171b5;--t-wait:#d4a72c;--t-none:#afb8c1;--t-bad:#cf222e}
.timeline rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.timeline.swatch{display:inline}
.timeline text{font-size:11px;fill:var(--t-ink)}
.timeline .quiet{fill:var(--t-quiet)}
.timeline line{stroke:var(--t-line)}
.timeline .stroke{stroke:var(--t-bad);stroke-width:1.5}
.timeline .alpha{fill:var(--t-alpha)}
.timeline .beta{fill:var(--t-beta)}
.timeline .gamma{fill:var(--t-gamma)}
.timeline .wait{fill:var(--t-wait)}
.timeline .none{fill:var(--t-none)}
.timeline .bad{fill:var(--t-bad)}
"""


class Span(NamedTuple):
    """Something that took a while; times are milliseconds since 1970."""

    began_ms: int
    ended_ms: int
    kind: str  # alpha, beta, gamma, wait, none or bad
    title: str


class Lane(NamedTuple):
    """What one has done."""

    label: str
    spans: Sequence[Span]
    note: str = ""


class Stroke(NamedTuple):
    """What happened to all at one moment."""

    at_ms: int
    label: str


def timeline(
    said: str,
    began_ms: int,
    ended_ms: int,
    lanes: Sequence[Lane],
    strokes: Sequence[Stroke] = (),
) -> Html:
    """Return the picture as an element of a page."""
    return Html.joined("\n", _Timeline(began_ms, ended_ms, lanes, strokes).parts(said))


def swatch(kind: str) -> Html:
    """Return the colour of a kind of bar, for a key."""
    return Html.of(
        '<svg class="timeline swatch" width="12" height="12" aria-hidden="true">'
        '<rect class="{}" width="12" height="12"/></svg>',
        kind,
    )


class _Timeline:
    def __init__(
        self, began_ms: int, ended_ms: int, lanes: Sequence[Lane], strokes: Sequence[Stroke]
    ) -> None:
        self._began, self._end = began_ms, max(ended_ms, began_ms + 1)
        self._lanes, self._strokes = lanes, strokes
        self._foot = _TOP + len(lanes) * (_LANE + _GAP)

    def parts(self, said: str) -> Iterator[Html]:
        height = self._foot + _FOOT
        yield Html.of(
            '<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 {} {}" '
            'width="{}" height="{}" role="group" aria-label="{}">',
            *(WIDTH, height, WIDTH, height, said),
        )
        yield from self._ticks()
        for number, lane in enumerate(self._lanes):
            yield from self._lane(lane, _TOP + number * (_LANE + _GAP))
        for stroke in self._strokes:
            yield self._stroke(stroke)
        yield Html("</svg>")

    def _at(self, moment: int) -> int:
        inside = min(max(moment, self._began), self._end) - self._began
        return _LEFT + inside * (WIDTH - _LEFT - _RIGHT) // (self._end - self._began)

    def _ticks(self) -> Iterator[Html]:
        span = self._end - self._began
        step = next((each for each in _STEPS if span // each < _TICKS_MAX), span)
        for after in range(0, span + 1, step):
            x = self._at(self._began + after)
            yield Html.of(
                '<line x1="{}" x2="{}" y1="{}" y2="{}"/>'
                '<text class="quiet" x="{}" y="{}">{}</text>',
                *(x, x, _TOP - 4, self._foot, x, _TOP - 8),
                render_duration(after) if after else Html("0"),
            )

    def _lane(self, lane: Lane, y: int) -> Iterator[Html]:
        yield Html.of(
            '<g><title>{}</title><text x="0" y="{}">{}</text></g>',
            *(lane.label, y + _LANE - 5),
            Html.of("{}", _end_of(lane.label), limit=LABEL_LENGTH_MAX),
        )
        for span in lane.spans:
            x = self._at(span.began_ms)
            width = max(_WIDTH_LEAST, self._at(span.ended_ms) - x)  # (2) as wide as can be seen
            yield Html.of(
                '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
                *(span.kind, x, y, width, _LANE, span.title),
            )
        if lane.note:
            yield Html.of(
                '<text class="quiet" x="{}" y="{}">{}</text>',
                *(WIDTH - _RIGHT + 8, y + _LANE - 5),
                Html.of("{}", lane.note, limit=NOTE_LENGTH_MAX),
            )

    def _stroke(self, stroke: Stroke) -> Html:
        x = self._at(stroke.at_ms)
        return Html.of(
            '<line class="stroke" x1="{}" x2="{}" y1="{}" y2="{}"><title>{}</title></line>'
            '<text x="{}" y="{}">{}</text>',
            *(x, x, _TOP, self._foot + 4, stroke.label),
            *(min(x + 3, WIDTH - _RIGHT), self._foot + 12, stroke.label),
        )


def _end_of(label: str) -> str:
    """Return a label, or of a long one its end: paths differ there."""
    return label if len(label) <= LABEL_LENGTH_MAX else f"…{label[-LABEL_LENGTH_MAX + 1 :]}"
