"""A run's answer is another program's: nothing in it makes a message too long, or none."""

from __future__ import annotations

import pytest

from dsl.limits import NOTIFY_GATES_MAX, NOTIFY_STAGES_MAX, NOTIFY_WORDS_MAX
from dsl.rules.notify.reading import snapshot_of
from dsl.rules.notify.subject import subject_of


def test_what_is_shown_is_cut_and_what_went_wrong_comes_first():
    stages = {
        f"s-{n}": {"type": "agent", "status": "pending", "detail": "x" * 9_000} for n in range(900)
    }
    stages["broken"] = {"type": "agent", "status": "failed", "detail": "x" * 9_000}
    gates = [{"gate": f"g-{n}", "opening": 1} for n in range(100)]
    found = snapshot_of({"stages": stages, "waiting_for": gates}, workflow="w", run="r")

    assert found.stages[0].path == "broken"
    assert len(found.stages[0].detail) == NOTIFY_WORDS_MAX
    assert len(found.stages) <= NOTIFY_STAGES_MAX
    assert (len(found.gates), found.more_gates) == (NOTIFY_GATES_MAX, 100 - NOTIFY_GATES_MAX)
    assert found.counts == {"pending": 900, "failed": 1}


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"stages": [], "waiting_for": {}, "approvals": "x"},
        {"stages": {"a": None, "b": {"status": "odd", "type": "agent"}, "c": {"status": 1}}},
        {"waiting_for": [None, 1, {"gate": 1}, {"gate": "g", "opening": "x", "identity": 7}]},
        {"approvals": [{}, {"gate": ["x"]}], "pipeline": 5, "paused": "yes"},
    ],
)
def test_what_is_missing_or_of_another_type_is_left_out(status):
    assert snapshot_of(status, workflow="w", run="r").status == "running"


def test_only_inputs_of_the_form_say_what_a_run_is_about():
    good = {
        "repository": "acme/shop",
        "commit": "a" * 40,
        "pull_request": 7.0,
        "actions_run": "12",
    }
    assert subject_of(good) == {**good, "pull_request": "7"}
    assert (
        subject_of(
            {
                "repository": "acme/shop/../../x",
                "commit": "HEAD",
                "pull_request": True,
                "actions_run": "https://evil.example",
                "environment": "a\nb",
                "other": "x",
            }
        )
        == {}
    )
