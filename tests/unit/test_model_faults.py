"""What a message is refused for, in words for its sender, never in those of a library."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field, ValidationError

from dsl.core import Tier, Value
from dsl.values.model_faults import fault_of


class _Message(Value):
    reason: str = Field(min_length=1, max_length=3, pattern=r"\S")
    count: int = Field(default=1, ge=0, lt=5)
    tier: Tier = Tier.T0
    on: bool = False
    some: tuple[str, ...] = Field(default=(), max_length=1)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ([], "input: expected a JSON object"),
        ({}, "reason: it is missing"),
        ({"reason": ""}, "reason: expected at least 1 character"),
        ({"reason": "long"}, "reason: expected at most 3 characters"),
        ({"reason": " "}, "reason: expected more than blanks"),
        ({"reason": 1}, "reason: expected text"),
        ({"reason": "x", "bogus": 1}, "bogus: there is no such field"),
        ({"reason": "x", "x" * 200: 1}, f"{'x' * 80}: there is no such field"),
        ({"reason": "x", "count": "many"}, "count: expected a whole number"),
        ({"reason": "x", "count": -1}, "count: expected at least 0"),
        ({"reason": "x", "count": 5}, "count: expected less than 5"),
        ({"reason": "x", "on": []}, "on: expected true or false"),
        ({"reason": "x", "some": "a"}, "some: expected a list"),
        ({"reason": "x", "some": ["a", "b"]}, "some: expected at most 1 item"),
    ],
)
def test_what_is_wrong_is_said_in_our_words(message: Any, said: str):
    with pytest.raises(ValidationError) as caught:
        _Message.model_validate(message)

    assert fault_of(caught.value) == said
