"""What a statement says of whether history and ledger agreed: read as written, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dsl.rules.ledger.statement import Agreement, statement


def test_what_came_of_comparing_is_a_part_of_what_is_signed():
    agreement = Agreement(2, "look, event 9: expected one, found another")
    said = json.loads(statement({"workflow": "w", "run": "r"}, {}, (), agreement))

    assert Agreement.of(said["predicate"]["compared"]) == agreement


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"disagreements": 0, "first": ""},
        {"disagreements": 0, "first": "", "untold": "", "more": 1},
        {"disagreements": True, "first": "", "untold": ""},
        {"disagreements": "0", "first": "", "untold": ""},
        {"disagreements": 0, "first": None, "untold": ""},
    ],
)
def test_anything_else_is_refused(value: Any):
    with pytest.raises(ValueError, match="expected 'compared'"):
        Agreement.of(value)
