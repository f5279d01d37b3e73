"""The last nets under what crosses the wire."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.converter import DataConverter, DefaultPayloadConverter
from temporalio.exceptions import ApplicationError

from activities.contracts.answers import UnreadableError, unreadable
from activities.contracts.meant import BugError, MeantError
from activities.runtime.converter import (
    MandatePayloadConverter,
    RedactingCodec,
    RedactingFailureConverter,
    with_ours,
)
from dsl.limits import STACK_TRACE_LENGTH_MAX

JSON = {"encoding": b"json/plain"}
TOKEN = "s." + "AbCdEfGhIjKlMnOpQrStUvWx"


async def test_text_that_looks_like_a_token_is_replaced_not_refused():
    [payload] = await RedactingCodec().encode(
        [Payload(metadata={"encoding": b"json/plain"}, data=f'"got {TOKEN}"'.encode())]
    )

    assert payload.data == b'"got [redacted]"'
    assert payload.metadata["encoding"] == b"json/plain"


async def test_everything_else_is_sent_as_it_is():
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"nothing to hide"')
    binary = Payload(metadata={"encoding": b"binary/plain"}, data=TOKEN.encode())

    assert await RedactingCodec().encode([plain, binary]) == [plain, binary]


def test_failures_and_their_causes_carry_no_token():
    failure = Failure()
    error = ApplicationError(f"outer {TOKEN}")
    error.__cause__ = ValueError(f"inner {TOKEN}")
    RedactingFailureConverter().to_failure(error, DefaultPayloadConverter(), failure)

    assert TOKEN not in str(failure)
    assert failure.message == "outer [redacted]"
    assert failure.cause.message == "inner [redacted]"


def raised(error: Exception) -> Exception:
    """Return it with a trace."""
    with suppress(type(error)):
        raise error
    return error


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = raised(cause)
    return error


def filed(error: Exception) -> list[Failure]:
    """Return a failure and its causes, as they enter history, of what is raised."""
    found = [Failure()]
    RedactingFailureConverter().to_failure(raised(error), DefaultPayloadConverter(), found[0])
    while found[-1].HasField("cause"):
        found.append(found[-1].cause)
    return found


def test_a_meant_failure_has_no_trace_nor_has_what_it_was_caused_by():
    activity = caused(
        unreadable(UnreadableError("it is empty"), activity_type="a", activity_id="a#1"),
        MeantError("no", type="No"),
    )
    assert [each.stack_trace for each in filed(activity)] == ["", ""]

    nested = filed(caused(MeantError("it ended", type="Ended"), KeyError("in our own code")))
    assert [each.stack_trace for each in nested] == ["", ""]
    assert [each.message for each in nested] == ["it ended", "'in our own code'"]


def test_what_was_handled_when_it_was_raised_is_no_cause_of_a_meant_failure():
    try:
        int("no number")
    except ValueError:
        [failure] = filed(MeantError("it ended", type="Ended"))

    assert failure.stack_trace == ""


@pytest.mark.parametrize("error", [ValueError("x"), ApplicationError("theirs")])
def test_whatever_else_fails_keeps_its_trace(error: Exception):
    [failure] = filed(error)

    assert "raise error" in failure.stack_trace


def test_a_bug_is_filed_where_it_was_raised_and_says_what_caused_it_to_no_one():
    bug = raised(KeyError("planted"))
    bug.__cause__ = OSError("what may hold anything")
    [failure] = filed(BugError("KeyError: planted", bug))

    assert "in raised" in failure.stack_trace
    assert "what may hold anything" not in str(failure)


def test_of_a_long_trace_the_end_is_kept():
    def deep(levels: int) -> None:
        deeper(levels - 1) if levels else int("it ends here")

    def deeper(levels: int) -> None:
        deep(levels)

    try:
        deep(200)
    except ValueError as error:
        [failure] = filed(error)

    assert len(failure.stack_trace) < STACK_TRACE_LENGTH_MAX + 20
    assert "it ends here" in failure.stack_trace


def test_an_unknown_encoding_stays_raw_when_nobody_says_what_it_should_be():
    odd = Payload(metadata={"encoding": b"x/odd"}, data=b"?")
    known = Payload(metadata={"encoding": b"json/plain"}, data=b"7")

    values = MandatePayloadConverter().from_payloads([odd, known])

    assert isinstance(values[0], RawValue)
    assert values[1] == 7


@pytest.mark.parametrize("default", [None, DataConverter.default, DataConverter()])
def test_the_sdks_defaults_are_replaced_by_ours(default: DataConverter | None):
    ours = with_ours(default)

    assert ours.payload_converter_class is MandatePayloadConverter
    assert ours.payload_codec is None
    assert ours.failure_converter_class is RedactingFailureConverter


@pytest.mark.parametrize(
    "value",
    [{"said": f"got {TOKEN}"}, RawValue(Payload(metadata=JSON, data=f'"{TOKEN}"'.encode()))],
    ids=["a value", "a payload of somebody else"],
)
def test_no_value_becomes_a_payload_with_a_token_in_it(value: object):
    [payload] = MandatePayloadConverter().to_payloads([value])

    assert TOKEN.encode() not in payload.data
    assert b"[redacted]" in payload.data


def test_behind_a_users_own_converter_a_codec_takes_tokens_out():
    class Theirs(DefaultPayloadConverter):
        pass

    ours = with_ours(DataConverter(payload_converter_class=Theirs))

    assert ours.payload_converter_class is Theirs
    assert isinstance(ours.payload_codec, RedactingCodec)


def test_a_users_own_codec_is_kept():
    class Theirs(RedactingCodec):
        pass

    codec = Theirs()
    ours = with_ours(DataConverter(payload_codec=codec))

    assert ours.payload_codec is codec
    assert ours.payload_converter_class is MandatePayloadConverter


async def test_a_token_after_an_escaped_line_feed_is_replaced():
    data = json.dumps({"stdout": f"token:\n{TOKEN}\n"}).encode()
    [payload] = await RedactingCodec().encode(
        [Payload(metadata={"encoding": b"json/plain"}, data=data)]
    )

    assert json.loads(payload.data) == {"stdout": "token:\n[redacted]\n"}


async def test_bytes_that_are_no_utf8_do_not_stop_the_codec():
    data = b'"\xff ' + TOKEN.encode() + b'" \xff'
    [payload] = await RedactingCodec().encode(
        [Payload(metadata={"encoding": b"json/plain"}, data=data)]
    )

    assert TOKEN.encode() not in payload.data
