"""Which workflows are runs that people see, and in which word each stands or has ended."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from dsl.rules.run.reserved import REVOCATION
from mandate.people.runs import HOUSEKEEPING, PEOPLES, word_of
from worker import WORKFLOWS
from workflows.runtime.attributes import STATUS


def test_each_type_of_workflow_is_a_run_of_people_or_keeps_house():
    known = {vars(each)["__temporal_workflow_definition"].name for each in WORKFLOWS} - {None}

    assert known <= {*PEOPLES, *HOUSEKEEPING}
    assert not {*PEOPLES} & {*HOUSEKEEPING}


def test_what_no_person_is_asked_by_keeps_house():
    asking = {each.__name__ for each in WORKFLOWS if hasattr(each, "vote")}

    assert {*PEOPLES} - asking == {REVOCATION}  # its receipt is looked for
    assert not {*HOUSEKEEPING} & asking


def listed(status: WorkflowExecutionStatus, told: str) -> WorkflowExecution:
    attributes = TypedSearchAttributes([SearchAttributePair(STATUS, told)] if told else [])
    found = object.__new__(WorkflowExecution)
    object.__setattr__(found, "status", status)
    object.__setattr__(found, "typed_search_attributes", attributes)
    return found


@pytest.mark.parametrize(
    ("status", "told", "word"),
    [
        ("FAILED", "rejected", "rejected"),
        ("FAILED", "refused", "refused"),
        ("FAILED", "revoked", "revoked"),
        ("FAILED", "", "failed"),
        ("FAILED", "waiting", "failed"),
        ("FAILED", "completed", "failed"),  # as somebody who started it has put there
        ("COMPLETED", "rejected", "completed"),
        ("TERMINATED", "waiting", "terminated"),
        ("CANCELED", "cancelled", "cancelled"),
        ("TIMED_OUT", "running", "timed out"),
        ("RUNNING", "waiting", "running"),
    ],
)
def test_the_server_says_how_a_run_has_ended_and_the_run_why_it_failed(status, told, word):
    assert word_of(listed(WorkflowExecutionStatus[status], told)) == word
