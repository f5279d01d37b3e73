"""The benchmark says how long it still takes, what it missed, and on which commit."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from bench.__main__ import made_on
from bench.progress import Progress
from bench.table import table

PAGE = Path(__file__).resolve().parents[3] / "docs/benchmarks.md"
OF = {"commit": "abc1234", "day": "2026-01-01", "cores": "2", "load": "0.1"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(clock: Clock, said: io.StringIO) -> Progress:
    return Progress({"first": 30.0, "second": 60.0}, clock=clock, out=said)


def test_progress_says_the_part_and_the_time_left(progress, clock, said):
    progress.begin("first")
    clock.now = 10.0
    progress.tell("round 1 of 3")

    assert said.getvalue() == "[1/2] first, 1:30 left\n"
    assert progress.line() == "[1/2] first: round 1 of 3, 1:20 left"


def test_time_left_follows_the_pace_of_what_is_done(progress, clock):
    progress.begin("first")
    clock.now = 90.0  # three times what it usually takes
    progress.begin("second")

    assert progress.left_s() == pytest.approx(120)


def test_a_part_that_takes_longer_than_usual_is_never_done_in_less_than_no_time(progress, clock):
    progress.begin("first")
    clock.now = 500.0

    assert progress.left_s() > 60


def test_a_missed_bar_is_said_and_a_part_that_did_not_run_is_left_out():
    rows = table({"of": OF, "compile_1000_ms": 151.0, "ledger_per_s": 19_000.0})

    assert "| compile 1,000 stages | <= 150 ms | 151 ms, missed |" in rows
    assert "| ledger appends/s, synchronous=FULL | >= 15,000 | 19,000 |" in rows
    assert "revocation" not in rows
    assert "abc1234" in rows


def test_ratios_are_taken_against_the_baseline_of_the_same_run():
    loads = {"p50_ms": 1, "p99_ms": 1, "runs_per_s": 10, "worker_cpu_ms": 10, "server_cpu_ms": 1}
    ours = {**loads, "runs_per_s": 8, "worker_cpu_ms": 17, "marginal_events": 40}
    rows = table({"of": OF, "bare": {**loads, "events": 50}, "engine": ours})

    assert "| events of a further agent stage / a bare run's | <= 0.85 | 0.80 |" in rows
    assert "| runs/s at 20 / bare | >= 0.75 | 0.80 |" in rows
    assert "| worker CPU of a run / bare | <= 1.6 | 1.70, missed |" in rows


def test_figures_name_the_commit():
    assert re.fullmatch(r"[0-9a-f]{7,}(-dirty)?|unknown", made_on()["commit"])


def test_the_page_names_the_commit_of_its_table():
    assert re.search(r"Made on commit `[0-9a-f]{7,}`, \d{4}-\d\d-\d\d", PAGE.read_text())
