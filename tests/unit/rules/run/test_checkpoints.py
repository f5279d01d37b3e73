"""Points of a run: what each repeats, what it makes void, and how far back it has to go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dsl.rules.run.checkpoints import Checkpoints

NOW = "2026-01-01T00:00:00+00:00"


def points(
    *moves: tuple[str, str, int],
    voted: tuple[str, ...] = (),
    acting: Mapping[str, Collection[str]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the points after these moves: ``begin``, ``gate``, ``end`` or what was decided."""
    decided: list[tuple[str, int]] = []
    found = Checkpoints(decided, lambda: voted, lambda: acting or {})
    for what, path, event in moves:
        match what:
            case "begin":
                found.begin(path, event, NOW)
            case "gate":
                found.begin(path, event, NOW, is_gate=True)
            case "end":
                found.end(path, event)
            case "never":
                found.never(path, event)
            case _:
                decided.append((path, event))
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
        ("approved", "ok", 36),
        ("end", "ok", 40),
        ("begin", "b", 40),
    )

    assert (found["a"]["voids"], found["ok"]["voids"], found["b"]["voids"]) == (["ok"], ["ok"], [])


def test_what_was_decided_before_a_point_stands_though_the_ledger_had_not_said_so():
    found = points(
        ("gate", "ok", 10),
        ("approved", "ok", 20),  # its record is on its way
        ("begin", "beside", 20),
        ("end", "beside", 24),
        ("begin", "next", 24),
        ("end", "next", 28),
        ("end", "ok", 30),
        ("begin", "behind", 30),
    )

    assert found["beside"]["voids"] == ["ok"]  # it was decided in the task that is repeated
    assert (found["next"]["voids"], found["behind"]["voids"]) == ([], [])
    assert found["beside"]["repeats"] == ["ok", "beside", "next", "behind"]
    assert found["next"]["repeats"] == ["next", "behind"]  # what stands is not repeated


def test_a_gate_that_has_said_no_or_was_not_waited_for_is_not_repeated_after_that():
    found = points(
        ("gate", "no", 10),
        ("gate", "late", 10),
        ("gate", "open", 10),
        ("rejected", "no", 14),
        ("end", "no", 16),
        ("end", "late", 16),  # another branch was first
        ("begin", "behind", 16),
    )

    assert found["behind"]["repeats"] == ["open", "behind"]
    assert found["behind"]["voids"] == []


def test_votes_that_have_decided_nothing_yet_are_void_wherever_one_goes_back_to():
    found = points(("begin", "a", 5), ("end", "a", 8), ("gate", "ok", 8), voted=("ok",))

    assert {name: each["voids"] for name, each in found.items()} == {"a": ["ok"], "ok": ["ok"]}


def test_what_was_signed_for_a_stage_of_t3_is_asked_for_anew_with_it():
    found = points(
        ("begin", "a", 5),
        ("end", "a", 8),
        ("gate", "first", 8),
        ("approved", "first", 12),
        ("end", "first", 14),
        ("begin", "b", 14),
        ("end", "b", 20),
        ("gate", "second", 20),
        ("approved", "second", 24),
        ("end", "second", 26),
        ("begin", "change", 26),
        ("end", "change", 30),
        ("begin", "after", 30),
        acting={"first": {"change"}, "second": {"change"}},
    )

    for name in ("first", "b", "second", "change"):
        assert found[name]["reset_to"] == 8
        assert found[name]["voids"] == ["first", "second"]
    assert (found["after"]["reset_to"], found["after"]["voids"]) == (30, [])
    assert found["change"]["repeats"] == ["first", "b", "second", "change", "after"]


def test_before_a_stage_of_t3_that_has_not_begun_nothing_that_was_signed_stands():
    moves = (("gate", "ok", 8), ("approved", "ok", 12), ("end", "ok", 14), ("begin", "b", 14))
    found = points(*moves, acting={"ok": {"change"}})

    assert (found["b"]["reset_to"], found["b"]["voids"]) == (8, ["ok"])


def test_what_was_signed_for_a_stage_that_is_passed_over_stands_behind_that():
    moves = (("gate", "ok", 8), ("approved", "ok", 12), ("end", "ok", 14), ("begin", "b", 14))
    later = (("never", "change", 20), ("end", "b", 20), ("begin", "c", 20), ("never", "c", 30))
    found = points(*moves, *later, acting={"ok": {"change"}})
    both = points(*moves, *later, acting={"ok": {"change", "other"}})

    assert (found["b"]["reset_to"], found["b"]["voids"]) == (8, ["ok"])
    assert (found["c"]["reset_to"], found["c"]["voids"]) == (20, [])
    assert (both["c"]["reset_to"], both["c"]["voids"]) == (8, ["ok"])  # one may still come


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


ACTING = st.dictionaries(st.integers(0, 11), st.sets(st.integers(0, 14), min_size=1), max_size=4)


@given(SPANS, ACTING)
def test_how_far_a_point_goes_back_is_what_one_finds_step_by_step(spans, acting):
    """Going back to before whoever is at work, again and again, comes to the same point."""
    began = sorted((began, lasts and began + lasts, is_gate) for began, lasts, is_gate in spans)
    ends = {number: ended for number, (_, ended, _) in enumerate(began)}

    def until(number: int) -> list[int]:
        """Return when that ends for which one goes back to before its start; 0: not yet."""
        if not began[number][2]:
            return [began[number][1]]
        return [ends.get(stage, 0) for stage in acting.get(number, ())]

    told = {str(gate): {str(stage) for stage in stages} for gate, stages in acting.items()}
    found = Checkpoints([], acting=lambda: told)
    for number, (at, ended, is_gate) in enumerate(began):
        found.begin(str(number), at, NOW, is_gate=is_gate)
        if ended:
            found.end(str(number), ended)
    for number, point in enumerate(found.points()):
        back = began[number][0]
        while busy := [
            at
            for other, (at, _, _) in enumerate(began)
            if at < back and any(not ended or ended > back for ended in until(other))
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
