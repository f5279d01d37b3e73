"""What promote and reinstate print and refuse, as far as no server is asked."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError, TerminatedError

from mandate.people.changes import reasons, waiting_lines
from mandate.people.errors import UsageError
from mandate.people.gates.rows import read_rows
from mandate.work.trust.promote import read_tier
from tests.unit.mandate.people.test_rows import row
from tests.unit.mandate.programs import mandate


@pytest.mark.parametrize("word", ["2", "T2", "t2"])
def test_a_tier_may_be_typed_as_people_do(word):
    assert read_tier(word) == "T2"


@pytest.mark.parametrize("word", ["", "5", "-1", "T", "T22", "two", "T5", "1.0", "x" * 1_000])
def test_what_is_no_tier_is_wrong_usage(word):
    with pytest.raises(UsageError, match="expected a tier from T0 to T4") as caught:
        read_tier(word)

    assert len(str(caught.value)) < 100


def test_everything_that_is_not_met_is_printed():
    unmet = ["3 compliant runs in a row at T1, 15 needed", "at T1 for 1h, 7d needed"]
    refused = ApplicationError("; ".join(unmet), {"unmet": unmet}, type="PromotionRefused")

    assert reasons(refused) == ("PromotionRefused", unmet)


@pytest.mark.parametrize("details", [(), ("x",), ({"unmet": "x"},), ({"unmet": []},), (None,)])
def test_a_failure_without_a_list_is_told_by_its_message(details):
    assert reasons(ApplicationError("no", *details, type="GateRejected")) == (
        "GateRejected",
        ["no"],
    )


def test_a_run_that_somebody_ended_is_told_as_such():
    kind, (said,) = reasons(TerminatedError("Workflow terminated"))

    assert kind == "TerminatedError"
    assert said == "Workflow terminated"


def test_what_is_not_met_is_told_to_programs_as_it_is():
    refused = ApplicationError("x", {"unmet": ["\x1b[2Jmet\nall"]}, type="PromotionRefused")

    assert reasons(refused) == ("PromotionRefused", ["\x1b[2Jmet\nall"])


def test_what_waits_is_printed_with_the_line_that_answers_it():
    (at,) = read_rows(
        [row(gate="consent", description="raise a from T1 to T2", due="2026-01-01T11:00:00+00:00")]
    )
    lines = list(waiting_lines("promotion/a; rm -r /", at))

    assert lines[0] == "waiting  consent of promotion/a; rm -r /, until 2026-01-01T11:00:00+00:00"
    assert lines[1] == "what     raise a from T1 to T2"
    assert lines[-1] == "answer   mandate approve 'promotion/a; rm -r /' consent --reason '...'"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("promote", "a", "--to", "T9"), "expected a tier from T0 to T4"),
        (("promote", "a"), "Missing option"),
        (("reinstate", "a", "--reason", " "), "--reason: expected why"),
        (("reinstate", "a", "--reason", "x" * 2_001), "at most 2000 characters"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_starts_nothing(words, said, tmp_path):
    ended = mandate(*words, cwd=tmp_path)

    assert ended.returncode == 2
    assert said in ended.stdout + ended.stderr
