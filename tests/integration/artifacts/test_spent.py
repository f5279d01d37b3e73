"""Notes of calls that were let through: in order, made by one of two, and kept whatever happens."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from integrations.artifacts.spent import KEPT_S, SpentCalls
from integrations.errors import CorruptError, UnavailableError

STAGE = ("run", "1", "act")


def test_what_was_noted_is_read_in_order_by_everybody(tmp_path: Path):
    spent = SpentCalls(tmp_path)

    assert spent.of(STAGE) == []
    assert [spent.note(STAGE, number, {"n": number}) for number in range(3)] == [True] * 3
    assert spent.note(STAGE, 2, {"n": 7}) is False
    assert SpentCalls(tmp_path).of(STAGE) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert spent.of(("run", "2", "act")) == []


def test_many_threads_read_more_places_than_a_process_keeps(tmp_path: Path):
    spent = SpentCalls(tmp_path)
    stages = [("run", str(number)) for number in range(40)]

    def read(number: int) -> list[Mapping[str, Any]]:
        return spent.of(stages[number % len(stages)])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read, range(2_000))) == [[]] * 2_000


def test_a_note_is_read_once_and_those_of_others_are_found_all_the_same(tmp_path: Path):
    spent, other = SpentCalls(tmp_path), SpentCalls(tmp_path)
    spent.note(STAGE, 0, {"n": 0})
    assert spent.of(STAGE) == [{"n": 0}]
    [place] = (tmp_path / "calls").iterdir()
    (place / "0.json").write_text("{")  # by nobody of ours: it is not read again
    other.note(STAGE, 1, {"n": 1})

    assert spent.of(STAGE) == [{"n": 0}, {"n": 1}]
    spent.of(STAGE).clear()
    assert len(spent.of(STAGE)) == 2


def test_of_many_at_once_one_has_the_number(tmp_path: Path):
    def take(name: int) -> bool:
        return SpentCalls(tmp_path).note(STAGE, 0, {"by": name})

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(32)))

    assert sum(taken) == 1
    assert SpentCalls(tmp_path).of(STAGE) == [{"by": taken.index(True)}]


def test_what_cannot_be_read_lets_nothing_be_called(tmp_path: Path):
    spent = SpentCalls(tmp_path)
    spent.note(STAGE, 0, {"n": 0})
    [place] = (tmp_path / "calls").iterdir()
    (place / "0.json").write_text("{")
    with pytest.raises(CorruptError, match="no note of a call"):
        spent.of(STAGE)
    (tmp_path / "calls").rename(tmp_path / "aside")
    (tmp_path / "calls").write_text("")
    with pytest.raises(UnavailableError, match="cannot use"):
        spent.note(STAGE, 1, {})


def test_old_stages_are_forgotten_whole(tmp_path: Path):
    spent, other = SpentCalls(tmp_path), ("run", "2", "act")
    for number in range(2):
        spent.note(STAGE, number, {})
        spent.note(other, number, {})
    old = time.time() - KEPT_S - 60
    for place in (tmp_path / "calls").iterdir():
        for file in place.iterdir():
            is_new = place == spent._place(other) and file.name == "1.json"
            if not is_new:
                os.utime(file, (old, old))
    used = SpentCalls(tmp_path, "seals")
    used.note(STAGE, 0, {})
    [place] = (tmp_path / "seals").iterdir()
    os.utime(place / "0.json", (old, old))
    used.renew(STAGE)
    used.renew(("no", "such"))
    for each in (spent, used):
        each.sweep()

    assert spent.of(STAGE) == []
    assert len(spent.of(other)) == 2
    assert len(used.of(STAGE)) == 1
