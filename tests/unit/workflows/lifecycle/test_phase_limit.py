"""How long EXECUTE may take: people who are asked about a call have their time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dsl.core import Tier
from dsl.limits import TOOL_APPROVALS_WAIT_MS_MAX
from dsl.plan import AgentStep
from dsl.steps.people import QuestionsPlan
from dsl.steps.tools import ToolApprovalPlan, ToolRule
from workflows.lifecycle.phase_call import _limit

PEOPLE: dict[str, Any] = {
    "approvers": ("ann",),
    "quorum": 1,
    "timeout_ms": 60_000,
    "on_timeout": "reject",
}
ALLOWS = ToolRule(server="pay", tool="refund", policy="allow")
ASKS = ToolRule(server="pay", tool="refund", policy="approve", approve=ToolApprovalPlan(**PEOPLE))


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ({"tools": (ALLOWS,)}, False),
        ({"questions": QuestionsPlan(**PEOPLE)}, False),
        ({"tools": (ASKS,)}, True),
        ({"tools": (ALLOWS,), "questions": QuestionsPlan(**PEOPLE)}, True),  # of its outcome
    ],
)
def test_it_is_left_alone_where_people_may_be_asked_about_a_call(
    fields: dict[str, Any], waits: bool
):
    about = {"path": "a", "name": "a", "agent": "a", "template": "t", "program": "t.py"}
    step = AgentStep(**about, phases=("EXECUTE",), tier=Tier.T1, timeout_ms=1_000, **fields)

    assert (_limit(step) > timedelta(milliseconds=TOOL_APPROVALS_WAIT_MS_MAX)) is waits
