"""Points of a run: what each repeats, what it makes void, and how far back it has to go."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dsl.rules.run.checkpoints import Checkpoints

NOW = "2026-01-01T00:00:00+00:00"


def points(*moves: tuple[str, str, int]) -> dict[str, dict[str, Any]]:
    """Return the points after these moves: ``begin``, ``gate``, ``end`` or ``decided``."""
    decided: list[dict[str, Any]] = []
    found = Checkpoints(decided)
    for what, path, event in moves:
        match what:
            case "begin":
                found.begin(path, event, NOW)
            case "gate":
                found.begin(path, event, NOW, is_gate=True)
            case "end":
                found.end(path, event)
            case _:
                decided.append({"gate": path, "verdict": what})
    return {
        each["before"]: each
        for path in [point["before"] for point in found.points()]
        for each in found.points(path)
        if each["before"] == path
    }


def test_a_point_repeats_what_began_from_there_on_and_nothing_that_had_ended():
    found = points(
        ("begin", "a", 10),
        ("end", "a", 20),
        ("begin", "b", 20),
        ("end", "b", 30),
        ("begin", "c", 30),
    )

    assert found["a"]["repeats"] == ["a", "b", "c"]
    assert found["b"]["repeats"] == ["b", "c"]
    assert (found["c"]["repeats"], found["c"]["reset_to"]) == (["c"], 30)


def test_every_opening_that_was_decided_since_is_void_each_gate_once():
    found = points(
        ("begin", "a", 10),
        ("end", "a", 20),
        ("gate", "ok", 20),
        ("rejected", "ok", 30),
        ("approved", "ok", 40),
        ("end", "ok", 40),
        ("begin", "b", 40),
    )

    assert (found["a"]["voids"], found["ok"]["voids"], found["b"]["voids"]) == (["ok"], ["ok"], [])


def test_no_agent_is_left_half_way():
    found = points(
        ("begin", "early", 5),
        ("begin", "slow", 10),
        ("end", "early", 20),
        ("begin", "next", 20),
        ("end", "slow", 30),
        ("end", "next", 40),
        ("begin", "last", 40),
    )

    assert found["next"]["reset_to"] == 5  # slow was at work, and early when slow began
    assert found["next"]["repeats"] == ["early", "slow", "next", "last"]
    assert found["last"]["reset_to"] == 40


def test_a_gate_that_was_open_is_opened_anew_and_takes_nothing_back_with_it():
    found = points(
        ("gate", "ok", 10),
        ("begin", "a", 20),
        ("end", "a", 30),
        ("approved", "ok", 35),
        ("end", "ok", 35),
        ("begin", "b", 35),
    )

    assert found["a"]["reset_to"] == 20
    assert found["a"]["repeats"] == ["ok", "a", "b"]
    assert found["a"]["voids"] == ["ok"]


def test_of_a_stage_that_began_several_times_the_first_counts():
    found = points(("begin", "a", 10), ("end", "a", 20), ("begin", "a", 30), ("begin", "b", 40))

    assert found["a"]["event_id"] == 10
    assert found["b"]["reset_to"] == 10
    assert points(("end", "never", 5)) == {}


SPANS = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 12), st.booleans()), min_size=1, max_size=12
)


@given(SPANS)
def test_how_far_a_point_goes_back_is_what_one_finds_step_by_step(spans):
    """Going back to before whoever is at work, again and again, comes to the same point."""
    began = sorted((began, lasts and began + lasts, is_gate) for began, lasts, is_gate in spans)
    found = Checkpoints([])
    for number, (at, ended, is_gate) in enumerate(began):
        found.begin(str(number), at, NOW, is_gate=is_gate)
        if ended:
            found.end(str(number), ended)
    for number, point in enumerate(found.points()):
        back = began[number][0]
        while busy := [
            at
            for at, ended, gate in began
            if not gate and at < back and (not ended or ended > back)
        ]:
            back = min(busy)
        assert point["reset_to"] == back


def test_of_many_stages_what_is_undone_is_told_of_the_point_that_is_asked_for():
    found = Checkpoints([])
    for number in range(1_000):  # all at work at once
        found.begin(f"stage-{number}", number, NOW)
    points = found.points("stage-7")

    assert [each["before"] for each in points if "repeats" in each] == ["stage-7"]
    assert len(points[7]["repeats"]) == 1_000
    assert len(str(points)) < 500_000
