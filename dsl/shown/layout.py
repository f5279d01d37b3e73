"""Where everything of a drawn plan stands: boxes from top to bottom, and lines between them.

1. A stage stands below all that it requires. What may run side by side stands side by side, as far
   as there is room, and goes on below: a drawing is wider than that by its lanes, or by one box.
2. A requirement that others imply is not drawn: where b requires a, and c both, c hangs on b.
3. A line to the next row goes straight there. Any other goes through a lane on the left and crosses
   no box; those that leave one stage, or reach one, share it.

Integers only, in the units of SVG: two equal plans are drawn alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from dsl.plan import AnyStep, children

BOX_WIDTH: Final = 190
HEAD_HEIGHT: Final = 42  # two lines of text; of a frame, what stands above its arms
STATE_HEIGHT: Final = 16  # the third line
LANES_MAX: Final = 8  # of one list; what needs more shares the last
_GAP_X, _GAP_Y, _PAD, _LANE, _ARM_HEAD = 18, 30, 12, 9, 20
_TURN: Final = 9  # so far from a row turns what goes through a lane


class Box(NamedTuple):
    """A rectangle: of a stage, or where there is none, of an arm."""

    x: int
    y: int
    width: int
    height: int
    step: AnyStep | None
    label: str
    is_entered: bool = False  # a line ends at its top

    @property
    def middle(self) -> int:
        """Where lines meet it."""
        return self.x + self.width // 2


class Wire(NamedTuple):
    """From the foot of one box to the head of another, by the corners between."""

    corners: tuple[tuple[int, int], ...]


class Drawing(NamedTuple):
    """Boxes, outer before inner, and lines."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Wire, ...]

    def moved(self, x: int, y: int) -> Drawing:
        """Return it elsewhere."""
        boxes = tuple(each._replace(x=each.x + x, y=each.y + y) for each in self.boxes)
        lines = tuple(Wire(tuple((a + x, b + y) for a, b in line.corners)) for line in self.lines)
        return Drawing(self.width, self.height, boxes, lines)


def arranged(steps: Sequence[AnyStep], room: int, *, has_states: bool) -> Drawing:
    """Return where the steps of one list stand, within ``room`` if that can be (1)."""
    return _List(steps, room, has_states=has_states).drawn()


def implied_by_none(steps: Sequence[AnyStep]) -> dict[str, list[str]]:
    """Return of each step what it requires, without what that requires already (2)."""
    bits = {step.name: 1 << number for number, step in enumerate(steps)}
    before: dict[str, int] = {}
    found = {}
    for step in _in_order(steps):
        over = 0
        for name in step.requires:
            over |= before[name]
        found[step.name] = [name for name in dict.fromkeys(step.requires) if not bits[name] & over]
        before[step.name] = over
        for name in step.requires:
            before[step.name] |= bits[name]
    return found


def _in_order(steps: Sequence[AnyStep]) -> Iterator[AnyStep]:
    """Yield each after all that it requires."""
    missing = {step.name: len(set(step.requires)) for step in steps}
    after: dict[str, list[AnyStep]] = {step.name: [] for step in steps}
    for step in steps:
        for name in dict.fromkeys(step.requires):
            after[name].append(step)
    ready = [step for step in steps if not missing[step.name]]
    for step in ready:
        yield step
        for next_one in after[step.name]:
            missing[next_one.name] -= 1
            if not missing[next_one.name]:
                ready.append(next_one)


class _List:
    """One list of steps: rows of boxes, and the lanes beside them."""

    def __init__(self, steps: Sequence[AnyStep], room: int, *, has_states: bool) -> None:
        self._steps, self._has_states = steps, has_states
        self._leaf_height = HEAD_HEIGHT + (STATE_HEIGHT if has_states else 0)
        self._requires = implied_by_none(steps)
        self._room = room
        self._insides = {step.name: self._of(step) for step in steps}
        self._rows = list(self._in_rows())
        self._row_of = {name: at for at, row in enumerate(self._rows) for name in row}

    def drawn(self) -> Drawing:
        lanes = self._lanes()
        left = (max(lanes.values()) + 2) * _LANE if lanes else 0
        widths = [self._width(row) for row in self._rows]
        widest = max(widths, default=0)
        boxes: dict[str, Box] = {}
        drawings: list[Drawing] = []
        tops, y = [], 0
        for row, width in zip(self._rows, widths, strict=True):
            tops.append(y)
            x = left + (widest - width) // 2
            for name in row:
                inside = self._insides[name].moved(x, y)
                own = inside.boxes[0]._replace(is_entered=bool(self._requires[name]))
                boxes[name] = own
                drawings.append(inside._replace(boxes=(own, *inside.boxes[1:])))
                x += inside.width + _GAP_X
            y += max(self._insides[name].height for name in row) + _GAP_Y
        lines = tuple(self._lines(boxes, tops, lanes))
        return Drawing(
            left + widest,
            max(y - _GAP_Y, 0),
            tuple(box for each in drawings for box in each.boxes),
            tuple(line for each in drawings for line in each.lines) + lines,
        )

    def _of(self, step: AnyStep) -> Drawing:
        arms = [arm for arm in children(step) if arm.steps]
        if not arms:
            box = Box(0, 0, BOX_WIDTH, self._leaf_height, step, step.name)
            return Drawing(box.width, box.height, (box,), ())
        room = self._room - 4 * _PAD
        insides = [
            (arm.label, arranged(arm.steps, room, has_states=self._has_states)) for arm in arms
        ]
        return self._framed(step, insides)

    def _framed(self, step: AnyStep, insides: Sequence[tuple[str, Drawing]]) -> Drawing:
        x = width = tallest = 0
        y = self._leaf_height
        boxes: list[Box] = []
        lines: list[Wire] = []
        for label, inside in insides:
            wide, high = inside.width + 2 * _PAD, inside.height + _ARM_HEAD + _PAD
            if x and x + wide > self._room - 2 * _PAD:
                x, y, tallest = 0, y + tallest + _PAD, 0
            boxes.append(Box(_PAD + x, y, wide, high, None, label))
            moved = inside.moved(_PAD + x + _PAD, y + _ARM_HEAD)
            boxes += moved.boxes
            lines += moved.lines
            x += wide + _PAD
            width, tallest = max(width, x - _PAD), max(tallest, high)
        outer = Box(0, 0, max(width + 2 * _PAD, BOX_WIDTH), y + tallest + _PAD, step, step.name)
        return Drawing(outer.width, outer.height, (outer, *boxes), tuple(lines))

    def _in_rows(self) -> Iterator[list[str]]:
        """Yield the rows: a level after the other, each as many rows as there is room for (1)."""
        level: dict[str, int] = {}
        for step in _in_order(self._steps):
            level[step.name] = 1 + max((level[name] for name in step.requires), default=-1)
        levels: dict[int, list[str]] = {}
        for step in self._steps:
            levels.setdefault(level[step.name], []).append(step.name)
        for number in sorted(levels):
            row: list[str] = []
            for name in levels[number]:
                if row and self._width([*row, name]) > self._room:
                    yield row
                    row = []
                row.append(name)
            yield row

    def _width(self, row: Sequence[str]) -> int:
        return sum(self._insides[name].width for name in row) + _GAP_X * (len(row) - 1)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for step in self._steps:
            for name in self._requires[step.name]:
                yield name, step.name

    def _lanes(self) -> dict[tuple[str, str], int]:
        """Return the lane of each line that does not go to the next row (3)."""
        far = [pair for pair in self._pairs() if self._row_of[pair[1]] != self._row_of[pair[0]] + 1]
        leaving = Counter(source for source, _ in far)
        reaching = Counter(target for _, target in far)
        shared: dict[tuple[bool, str], list[tuple[str, str]]] = {}
        for source, target in far:
            at_end = reaching[target] > leaving[source]
            shared.setdefault((at_end, target if at_end else source), []).append((source, target))
        ends: list[int] = []  # of each lane, the last row that it reaches
        found: dict[tuple[str, str], int] = {}
        for first, last, pairs in sorted(self._span(pairs) for pairs in shared.values()):
            free = (at for at, end in enumerate(ends) if end < first)
            lane = next(free, min(len(ends), LANES_MAX - 1))
            ends[lane : lane + 1] = [max(last, *ends[lane : lane + 1], 0)]
            found.update(dict.fromkeys(pairs, lane))
        return found

    def _span(self, pairs: list[tuple[str, str]]) -> tuple[int, int, list[tuple[str, str]]]:
        rows = [self._row_of[name] for pair in pairs for name in pair]
        return min(rows), max(rows), pairs

    def _lines(
        self, boxes: Mapping[str, Box], tops: Sequence[int], lanes: Mapping[tuple[str, str], int]
    ) -> Iterator[Wire]:
        for pair in self._pairs():
            start, end = boxes[pair[0]], boxes[pair[1]]
            row = self._row_of[pair[0]]
            foot = tops[row] + max(boxes[name].height for name in self._rows[row])
            corners = [(start.middle, start.y + start.height)]
            if pair in lanes:
                x = (max(lanes.values()) - lanes[pair]) * _LANE + _LANE // 2
                corners += [(start.middle, foot + _TURN), (x, foot + _TURN)]
                corners += [(x, end.y - _TURN), (end.middle, end.y - _TURN)]
            elif start.middle != end.middle:
                turn = foot + _GAP_Y // 2
                corners += [(start.middle, turn), (end.middle, turn)]
            yield Wire((*corners, (end.middle, end.y)))
