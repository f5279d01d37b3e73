"""The picture of a plan: every stage once, its state in words, nothing that a browser obeys."""

from __future__ import annotations

from itertools import cycle
from time import process_time
from xml.etree import ElementTree as ET

import pytest

from dsl.catalogue import EXAMPLES
from dsl.compiler import compile_text
from dsl.core import StageStatus
from dsl.plan import ConditionStep, Plan, walk
from dsl.shown.diagram import DIAGRAM_STYLE, SIGNS, Mark, diagram, picture
from tests.fixtures.hostile.foreign_texts import TEXTS
from tests.fixtures.hostile.markup import PAYLOADS
from tests.unit.dsl.shown.test_graph import TEXT

SVG = "{http://www.w3.org/2000/svg}"
HARMLESS = {"svg", "style", "g", "a", "title", "rect", "path", "text"}
ATTRIBUTES = {
    *("class", "viewBox", "width", "height", "role", "aria-label", "x", "y", "rx", "d", "href"),
}


def read(picture: str) -> list[ET.Element]:
    """Return all elements of a picture."""
    return list(ET.fromstring(picture).iter())


def titles(picture: str) -> list[str]:
    return [each.text or "" for each in read(picture) if each.tag == f"{SVG}title"]


@pytest.fixture(scope="module")
def plan():
    return compile_text(TEXT, "drawn.yaml").plan


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_stage_is_drawn_once(file):
    plan = compile_text(file.read_text(), file.name).plan
    paths = [title.split(":")[0] for title in titles(picture(plan))]

    assert sorted(paths) == sorted(step.path for step in walk(plan.steps))


def test_a_state_is_a_sign_and_a_word_and_one_that_is_not_told_is_pending(plan):
    marks = {
        "end": Mark(StageStatus.COMPLETED, "12s"),
        "review": Mark(StageStatus.WAITING, "1 of 2"),
        "checks/lint/run": Mark(StageStatus.REVOKED),
    }
    told = diagram(plan, marks)

    assert "✓ completed · 12s" in told
    assert "… waiting · 1 of 2" in told
    assert "⊘ revoked" in told
    assert titles(told)[0].endswith("; ✓ completed")
    assert "○ pending" in told
    assert "pending" not in diagram(plan)


def test_every_status_has_a_sign_and_each_but_the_quiet_ones_a_colour():
    assert set(SIGNS) == set(StageStatus)
    for status in set(StageStatus) - {StageStatus.PENDING}:
        assert f".{status}>" in DIAGRAM_STYLE


def test_a_box_leads_where_the_caller_says(plan):
    links = [
        each.get("href")
        for each in read(diagram(plan, link=lambda path: f"/runs/r?stage={path}&b=1"))
        if each.tag == f"{SVG}a"
    ]

    assert "/runs/r?stage=checks/lint/run&b=1" in links
    assert len(links) == len(list(walk(plan.steps)))


@pytest.mark.parametrize("text", [*PAYLOADS, *TEXTS.values()], ids=repr)
def test_no_text_of_others_is_more_than_text(text):
    step = ConditionStep(path=text, name=text, expression=text, then=())
    plan = Plan(name=text, version=text, timeout_ms=1000, steps=(step,))
    marks = {text: Mark(StageStatus.FAILED, text)}

    for drawn in (diagram(plan, marks, link=lambda path: f"#{path}"), picture(plan, marks)):
        for element in read(drawn):
            assert element.tag.removeprefix(SVG) in HARMLESS
            assert set(element.attrib) <= ATTRIBUTES


def test_a_plan_of_a_thousand_stages_is_drawn_in_half_a_second_and_half_a_mebibyte():
    steps = [
        ConditionStep(
            path=f"s{n}",
            name=f"s{n}",
            requires=tuple(f"s{m}" for m in range(max(0, n - 40), n, 3)),
            expression="true",
            then=(),
        )
        for n in range(1_000)
    ]
    plan = Plan(name="p", version="1", timeout_ms=1000, steps=tuple(steps))
    marks = dict(zip((step.path for step in steps), map(Mark, cycle(StageStatus)), strict=False))

    began = process_time()
    drawn = diagram(plan, marks)

    assert process_time() - began < 0.5
    assert len(drawn) < 1 << 20
