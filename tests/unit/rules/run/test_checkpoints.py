"""Points of a run: what each repeats, what it makes void, and how far back it has to go."""

from __future__ import annotations

from typing import Any

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
    return {each["before"]: each for each in found.points()}


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
