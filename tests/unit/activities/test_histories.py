"""Whose run a history is, as rules read it."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowHistory

from activities.ledger.histories import read_history, text_of
from tests.fixtures.chaos.recorded import HISTORIES, history


@pytest.mark.parametrize("name", ["repeated", "approved"])
def test_a_history_that_was_reset_is_of_the_run_that_goes_on(name: str):
    told = WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())

    assert read_history(told).run_id == history(name).run_id
    assert (read_history(told).run_id == told.run_id) == (name == "approved")


def test_what_was_read_is_written_as_the_history_it_was():
    told = WorkflowHistory.from_json("branches", (HISTORIES / "branches.json").read_text())
    text = text_of(read_history(told))

    assert WorkflowHistory.from_json("branches", text) == told
    assert "\n" not in text
