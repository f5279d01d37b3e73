"""A plan as a picture: SVG for pages, or as a file of its own.

1. No script, no address but the links that are given, nothing from elsewhere. All text of others
   is escaped, in ``Html``.
2. A state is a sign and a word; its colour repeats them, so it reads in print and to everybody.
3. Colours and fonts are classes, because a page may forbid styles inside it: whoever shows a
   ``diagram`` puts ``DIAGRAM_STYLE`` into its style sheet. ``picture`` carries it along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple
from unicodedata import east_asian_width

from dsl.core import StageStatus
from dsl.plan import Plan
from dsl.shown.foreign import CUT, legible
from dsl.shown.graph import describe
from dsl.shown.layout import BOX_WIDTH, Box, Wire, arranged
from dsl.shown.surfaces import Html
from dsl.steps.step import Shape

ROOM: Final = 940  # what a page of a screen or of paper has
NAME_COLUMNS_MAX: Final = 24
LINE_COLUMNS_MAX: Final = 31
LINK_LENGTH_MAX: Final = 4_000  # characters
NOTE_COLUMNS_MAX: Final = 18
HEXAGON_COLUMNS: Final = 5  # that its corners take away
SIGNS: Final[Mapping[StageStatus, str]] = {
    StageStatus.PENDING: "○",
    StageStatus.RUNNING: "▸",
    StageStatus.WAITING: "…",
    StageStatus.COMPLETED: "✓",
    StageStatus.FAILED: "✗",
    StageStatus.REJECTED: "✗",
    StageStatus.SKIPPED: "↷",
    StageStatus.CANCELLED: "■",
    StageStatus.REVOKED: "⊘",
}
_LIGHT: Final = """--d-ink:#1f2328;--d-quiet:#59636e;--d-line:#818b98;--d-page:#ffffff;
--d-box:#f6f8fa;--d-go:#0969da;--d-go-box:#ddf4ff;--d-wait:#9a6700;--d-wait-box:#fff8c5;--d-well:#1a7f37;
--d-well-box:#dafbe1;--d-bad:#cf222e;--d-bad-box:#ffebe9"""
_DARK: Final = """--d-ink:#f0f6fc;--d-quiet:#9198a1;--d-line:#656c76;--d-page:#0d1117;
--d-box:#151b23;--d-go:#4493f8;--d-go-box:#12233b;--d-wait:#d29922;--d-wait-box:#2b230f;--d-well:#3fb950;
--d-well-box:#12261e;--d-bad:#f85149;--d-bad-box:#301a1f"""
DIAGRAM_STYLE: Final = f"""
.diagram{{{_LIGHT};font-family:system-ui,sans-serif;height:auto;max-width:100%}}
@media (prefers-color-scheme:dark){{.diagram{{{_DARK}}}}}
@media print{{.diagram{{{_LIGHT}}}}}
.diagram .line{{fill:none;stroke:var(--d-line);stroke-width:1.5;stroke-linejoin:round}}
.diagram .head{{fill:var(--d-line)}}
.diagram .box{{fill:var(--d-box);stroke:var(--d-line);stroke-width:1.5}}
.diagram .arm{{fill:none;stroke:var(--d-line);stroke-dasharray:3 3}}
.diagram text{{fill:var(--d-quiet);font-size:11px;text-anchor:middle}}
.diagram .name{{fill:var(--d-ink);font-size:13px;font-weight:600}}
.diagram .label{{text-anchor:start}}
.diagram .running>.box{{fill:var(--d-go-box);stroke:var(--d-go)}}
.diagram .waiting>.box{{fill:var(--d-wait-box);stroke:var(--d-wait)}}
.diagram .completed>.box{{fill:var(--d-well-box);stroke:var(--d-well)}}
.diagram .failed>.box,.diagram .rejected>.box,.diagram .revoked>.box{{fill:var(--d-bad-box);
stroke:var(--d-bad)}}
.diagram .skipped>.box,.diagram .cancelled>.box{{stroke-dasharray:5 4}}
.diagram .frame>.box{{fill:var(--d-page)}}
.diagram .running>.state{{fill:var(--d-go)}}
.diagram .waiting>.state{{fill:var(--d-wait)}}
.diagram .completed>.state{{fill:var(--d-well)}}
.diagram .failed>.state,.diagram .rejected>.state,.diagram .revoked>.state{{fill:var(--d-bad)}}
.diagram a:hover .box,.diagram a:focus .box{{stroke-width:3}}
"""


class Mark(NamedTuple):
    """How far a stage has come, and what else is to be said of it in a word or two."""

    status: StageStatus
    note: str = ""


def diagram(
    plan: Plan,
    marks: Mapping[str, Mark] | None = None,
    *,
    room: int = ROOM,
    link: Callable[[str], str] | None = None,
) -> Html:
    """Return the picture as an element of a page.

    Args:
        plan: what is drawn.
        marks: by the path of a stage; without any, states are not drawn at all.
        room: the width that it may have.
        link: where the box of a stage at a path leads; an address of ours.
    """
    return _Picture(plan, marks, room, link).element(Html())


def picture(plan: Plan, marks: Mapping[str, Mark] | None = None) -> Html:
    """Return it as a file of its own."""
    style = Html.of("<style>{}</style>", Html(DIAGRAM_STYLE))
    return Html.of("{}\n", _Picture(plan, marks, ROOM, None).element(style))


class _Picture:
    def __init__(
        self,
        plan: Plan,
        marks: Mapping[str, Mark] | None,
        room: int,
        link: Callable[[str], str] | None,
    ) -> None:
        self._plan, self._link = plan, link
        self._marks = marks or {}
        self._has_states = marks is not None
        self._drawing = arranged(plan.steps, room, has_states=self._has_states)

    def element(self, inside: Html) -> Html:
        width, height = self._drawing.width + 4, self._drawing.height + 4
        head = Html.of(
            '<svg xmlns="http://www.w3.org/2000/svg" class="diagram" viewBox="-2 -2 {} {}" '
            'width="{}" height="{}" role="group" aria-label="pipeline {}">{}',
            *(width, height, width, height, self._plan.name, inside),
        )
        return Html.joined("\n", [head, *self._parts(), Html("</svg>")])

    def _parts(self) -> Iterator[Html]:
        # An arm is drawn with the frame before it, and lines over both: none crosses a stage.
        for box in self._drawing.boxes:
            yield self._arm(box) if box.step is None else self._stage(box)
        yield from map(_line, self._drawing.lines)
        for box in self._drawing.boxes:
            if box.is_entered:
                yield Html.of('<path class="head" d="M{} {}l-4 -7h8z"/>', box.middle, box.y)

    def _arm(self, box: Box) -> Html:
        return Html.of(
            '<g><rect class="arm" x="{}" y="{}" width="{}" height="{}" rx="4"/>'
            '<text class="label" x="{}" y="{}">{}</text></g>',
            *(box.x, box.y, box.width, box.height, box.x + 8, box.y + 14),
            _fitting(box.label, box.width // 7),
        )

    def _stage(self, box: Box) -> Html:
        step = box.step
        assert step is not None  # noqa: S101 - an arm is drawn elsewhere
        is_frame = step.shape in (Shape.FRAME, Shape.CHOICE)
        wider = box.width - BOX_WIDTH
        columns = LINE_COLUMNS_MAX - HEXAGON_COLUMNS * (step.shape is Shape.HEXAGON)
        mark = self._marks.get(step.path, Mark(StageStatus.PENDING))
        texts = [
            Html.of(
                '<text class="name" x="{}" y="{}">{}</text><text x="{}" y="{}">{}</text>',
                *(box.middle, box.y + 18, _fitting(step.name, NAME_COLUMNS_MAX + wider // 8)),
                *(box.middle, box.y + 34, _fitting(describe(step), columns + wider // 6)),
            )
        ]
        state = Html()
        if self._has_states:
            state = Html.of("{} {}", SIGNS[mark.status], mark.status)
            note = Html.of(" · {}", _fitting(mark.note, NOTE_COLUMNS_MAX)) if mark.note else Html()
            texts.append(
                Html.of(
                    '<text class="state" x="{}" y="{}">{}{}</text>',
                    *(box.middle, box.y + 50, state, note),
                )
            )
        group = Html.of(
            '<g class="{}{}"><title>{}: {}{}</title>{}{}</g>',
            *(
                mark.status if self._has_states else Html("stage"),
                Html(" frame") if is_frame else Html(),
            ),
            *(step.path, describe(step), Html.of("; {}", state) if state else Html()),
            *(_outline(box, step.shape), Html.joined("", texts)),
        )
        if self._link is None:
            return group
        return Html.of('<a href="{}">{}</a>', self._link(step.path), group, limit=LINK_LENGTH_MAX)


def _outline(box: Box, shape: Shape) -> Html:
    x, y, right, foot = box.x, box.y, box.x + box.width, box.y + box.height
    if shape is Shape.HEXAGON:
        middle, cut = y + box.height // 2, 14
        points = (x, middle, x + cut, y, right - cut, y, right, middle, right - cut, foot)
        return Html.of(
            '<path class="box" d="M{} {}L{} {}H{}L{} {}L{} {}H{}z"/>',
            *(*points[:4], points[4], *points[6:], x + cut),
        )
    if shape is Shape.CHOICE:  # a question: its corners are cut
        return Html.of(
            '<path class="box" d="M{} {}L{} {}H{}L{} {}V{}H{}z"/>',
            *(x, y + 14, x + 14, y, right - 14, right, y + 14, foot, x),
        )
    return Html.of(
        '<rect class="box" x="{}" y="{}" width="{}" height="{}" rx="{}"/>',
        *(x, y, box.width, box.height, 6),
    )


def _line(line: Wire) -> Html:
    (x, y), *rest = line.corners
    corners = Html.joined("", (Html.of("L{} {}", *corner) for corner in rest))
    return Html.of('<path class="line" d="M{} {}{}"/>', x, y, corners)


def _fitting(text: str, columns: int) -> str:
    """Return what of a text has room; letters of the East take two columns."""
    shown: list[str] = []
    taken = 0
    for character in legible(text):
        taken += 2 if east_asian_width(character) in "WF" else 1
        if taken > columns:
            return "".join(shown[:-1]) + CUT
        shown.append(character)
    return "".join(shown)
