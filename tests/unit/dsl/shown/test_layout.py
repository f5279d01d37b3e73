"""Where a plan stands: nothing over anything, within its room, and no line through a box."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dsl.compiler import compile_text
from dsl.plan import BranchPlan, ConditionStep, ParallelStep
from dsl.shown.layout import BOX_WIDTH, Box, Drawing, Wire, arranged, implied_by_none
from dsl.steps.step import Shape
from tests.unit.dsl.shown.test_graph import TEXT

ROOM = 700


def leaf(name: str, *requires: str) -> ConditionStep:
    return ConditionStep(path=name, name=name, requires=requires, expression="true", then=())


def around(name: str, requires: tuple[str, ...], *inner: tuple[ConditionStep, ...]) -> ParallelStep:
    branches = tuple(BranchPlan(name=f"b{at}", steps=steps) for at, steps in enumerate(inner))
    return ParallelStep(
        path=name, name=name, requires=requires, branches=branches, join="all", on_failure="cancel"
    )


@st.composite
def lists(draw, deep=True):
    steps: list[ConditionStep | ParallelStep] = []
    for number in range(draw(st.integers(1, 7))):
        earlier = [step.name for step in steps]
        requires = tuple(draw(st.lists(st.sampled_from(earlier), unique=True))) if earlier else ()
        if deep and draw(st.booleans()):
            arms = draw(st.lists(lists(deep=False), min_size=1, max_size=3))
            steps.append(around(f"s{number}", requires, *arms))
        else:
            steps.append(leaf(f"s{number}", *requires))
    return draw(st.permutations(steps)) if deep else tuple(steps)


def is_apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def is_inside(one: Box, other: Box) -> bool:
    return (
        other.x <= one.x
        and other.y <= one.y
        and one.x + one.width <= other.x + other.width
        and one.y + one.height <= other.y + other.height
    )


def crossed(drawing: Drawing) -> list[tuple[Box, Wire]]:
    """Return the leaves that a line runs through."""
    leaves = [box for box in drawing.boxes if box.step and box.step.shape is not Shape.FRAME]
    found = []
    for line in drawing.lines:
        for (ax, ay), (bx, by) in zip(line.corners, line.corners[1:], strict=False):
            assert ax == bx or ay == by
            for box in leaves:
                within_x = max(min(ax, bx), box.x) < min(max(ax, bx), box.x + box.width)
                within_y = max(min(ay, by), box.y) < min(max(ay, by), box.y + box.height)
                through = (
                    box.x < ax < box.x + box.width and within_y
                    if ax == bx
                    else box.y < ay < box.y + box.height and within_x
                )
                found += [(box, line)] if through else []
    return found


@given(lists())
def test_boxes_stand_apart_or_inside_each_other_and_lines_run_between(steps):
    drawing = arranged(steps, ROOM, has_states=True)
    whole = Box(0, 0, drawing.width, drawing.height, None, "")

    for at, box in enumerate(drawing.boxes):
        assert is_inside(box, whole)
        for other in drawing.boxes[at + 1 :]:
            assert is_apart(box, other) or is_inside(other, box)
    assert crossed(drawing) == []


@given(lists())
def test_a_stage_stands_below_all_that_it_requires(steps):
    drawing = arranged(steps, ROOM, has_states=False)
    listed = {id(step) for step in steps}
    own = {box.label: box for box in drawing.boxes if id(box.step) in listed}

    for step in steps:
        for name in step.requires:
            assert own[name].y + own[name].height < own[step.name].y


def test_what_runs_side_by_side_goes_on_below_where_there_is_no_room():
    steps = [leaf(f"s{n}") for n in range(10)]

    assert arranged(steps, ROOM, has_states=False).width <= ROOM
    assert len({box.y for box in arranged(steps, ROOM, has_states=False).boxes}) == 4
    assert arranged(steps, 1, has_states=False).width == BOX_WIDTH


def test_a_requirement_that_others_imply_is_not_drawn():
    steps = [leaf("a"), leaf("b", "a"), leaf("c", "a", "b"), leaf("d", "c", "a")]

    assert implied_by_none(steps) == {"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}
    assert len(arranged(steps, ROOM, has_states=False).lines) == 3


def test_equal_plans_are_drawn_alike():
    plans = [compile_text(TEXT, "drawn.yaml").plan for _ in range(2)]
    drawings = [arranged(plan.steps, ROOM, has_states=True) for plan in plans]

    assert drawings[0] == drawings[1]
