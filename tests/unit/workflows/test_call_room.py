"""A stage calls so often, with so much, and no call is larger than it may stand in history."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from activities.contracts.tool_specs import CallMessage
from dsl.limits import (
    TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX,
    TOOL_CALLS_ASKED_MAX,
    TOOL_MESSAGE_BYTES_MAX,
)
from dsl.rules.tools.calls import CallRefusedError
from workflows.tools.call_room import CallRoom


def test_a_stage_calls_so_often_and_is_refused_before_the_next_stands_in_history():
    room = CallRoom()
    for _ in range(TOOL_CALLS_ASKED_MAX):
        assert room.refuse() is None
        room.take({})

    assert f"called {TOOL_CALLS_ASKED_MAX} times" in (room.refuse() or "")


def test_arguments_of_a_stage_have_so_many_bytes_those_of_no_call_as_well():
    room = CallRoom()
    with pytest.raises(CallRefusedError, match="bytes together"):
        room.take({"text": "x" * TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX})

    assert "bytes together" in (room.refuse() or "")


def test_a_call_that_is_too_large_is_no_message():
    about = {"link": "0" * 64, "ordinal": 1, "server": "pay", "tool": "refund"}

    CallMessage(**about, arguments={"text": "x" * (TOOL_MESSAGE_BYTES_MAX // 2)})
    with pytest.raises(ValidationError, match="put what is large into a file"):
        CallMessage(**about, arguments={"text": "x" * TOOL_MESSAGE_BYTES_MAX})
