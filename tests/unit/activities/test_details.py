"""The report in a failure's details: read from what the SDK has decoded, and from nothing else."""

from __future__ import annotations

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.exceptions import ApplicationError

from activities.contracts.answers import UnreadableError, read_detail
from activities.contracts.messages import AgentReport
from activities.runtime.converter import with_ours
from dsl.limits import REPORT_BYTES_MAX

OURS = with_ours(None)
REPORT = b'{"status": "failed", "detail": "no", "attempts": 2}'
JSON = {"encoding": b"json/plain"}


def read(*details: Payload) -> AgentReport:
    """Read what came over the wire, as a parent does."""
    info = ApplicationFailureInfo(type="StageFailed", details=Payloads(payloads=details))
    failure = OURS.failure_converter.from_failure(
        Failure(message="no", application_failure_info=info), OURS.payload_converter
    )
    assert isinstance(failure, ApplicationError)
    return read_detail(failure, AgentReport, OURS.payload_converter, bytes_max=REPORT_BYTES_MAX)


def json_of(data: bytes) -> Payload:
    return Payload(metadata=JSON, data=data)


def test_a_report_is_read():
    report = read(json_of(REPORT))

    assert (report.status, report.detail, report.attempts) == ("failed", "no", 2)


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ((), "expected one detail, got 0"),
        ((json_of(REPORT), json_of(REPORT)), "expected one detail, got 2"),
        ((json_of(b'"failed"'),), "expected a JSON object"),
        ((json_of(b"null"),), "expected JSON"),
        ((json_of(b'{"status": "splendid"}'),), "status: "),
        ((json_of(b'{"status": "failed", "attempts": NaN}'),), "NaN"),
        ((json_of(b'{"status": '),), ""),
        ((json_of(b"[" * 100_000),), ""),
        ((json_of(b'{"status": "failed", "detail": "\\ud800"}'),), ""),
        (
            (Payload(metadata={"encoding": b"binary/odd"}, data=b"x"),),
            "expected JSON, got encoding",
        ),
        ((Payload(metadata=JSON, data=b'{"detail":"%s"}' % (b"x" * REPORT_BYTES_MAX)),), "bytes"),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(details: tuple[Payload, ...], why: str):
    with pytest.raises(UnreadableError) as caught:
        read(*details)

    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
