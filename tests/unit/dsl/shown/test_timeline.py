"""A timeline: everything within its time, seen however short, and in words."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from dsl.shown.timeline import LABEL_LENGTH_MAX, WIDTH, Lane, Span, Stroke, timeline
from tests.fixtures.hostile.markup import PAYLOADS

SVG = "{http://www.w3.org/2000/svg}"
BEGAN = 1_700_000_000_000


def bars(drawn: str) -> list[dict[str, str]]:
    return [each.attrib for each in ET.fromstring(drawn).iter(f"{SVG}rect")]


def test_a_bar_is_as_long_as_what_it_stands_for_took_and_never_unseen():
    spans = [
        Span(BEGAN, BEGAN + 50_000, "beta", "a"),
        Span(BEGAN + 50_000, BEGAN + 50_001, "bad", "b"),
    ]
    long, short = bars(timeline("t", BEGAN, BEGAN + 100_000, [Lane("x", spans)]))

    assert int(long["width"]) == (WIDTH - 200 - 90) // 2
    assert int(short["width"]) == 2


def test_what_is_told_of_other_times_stays_inside():
    spans = [Span(0, 10, "none", "long ago"), Span(BEGAN + 10**9, BEGAN + 10**10, "none", "later")]
    drawn = timeline("t", BEGAN, BEGAN + 1_000, [Lane("x", spans)], [Stroke(0, "struck")])

    for bar in bars(drawn):
        assert 0 <= int(bar["x"]) <= WIDTH


@pytest.mark.parametrize("lasted", [0, 1, 999, 61_000, 3_600_000, 90 * 86_400_000])
def test_there_are_a_few_ticks_whatever_it_took(lasted):
    drawn = timeline("t", BEGAN, BEGAN + lasted, [Lane("x", [])])

    assert 1 <= len(re.findall("<line ", drawn)) <= 15


def test_a_long_label_ends_as_its_path_does_and_is_whole_in_its_title():
    label = "/".join(f"branch-{n}" for n in range(9))
    drawn = timeline("t", BEGAN, BEGAN + 1, [Lane(label, [], "1s")])

    assert f"<title>{label}</title>" in drawn
    assert f"…{label[-LABEL_LENGTH_MAX + 1 :]}<" in drawn


@pytest.mark.parametrize("text", PAYLOADS, ids=repr)
def test_no_text_of_others_is_more_than_text(text):
    spans = [Span(BEGAN, BEGAN + 1, text, text)]
    drawn = timeline(text, BEGAN, BEGAN + 9, [Lane(text, spans, text)], [Stroke(BEGAN, text)])
    tags = {each.tag.removeprefix(SVG) for each in ET.fromstring(drawn).iter()}

    assert tags <= {"svg", "g", "title", "text", "line", "rect"}
