"""What comes back from an activity or a child workflow, read where it can stop nobody.

Whoever may write to the namespace can complete an activity, with anything. The SDK decodes a
result before workflow code runs, and what it cannot decode fails the workflow task, again and
again. So answers stay raw until here. The rules:

1. An answer that cannot be read is a failure like any other, final, and said in one sentence.
2. JSON is read strictly, see ``dsl.values.strict_json``; and no answer is larger than what its
   reader has room for, since what a workflow cannot hand on fails its task as well.
3. Another encoding, of a converter that is not ours, is left to that converter.
4. What a failure carries has been decoded by the SDK, leniently: it is written anew and read so.
5. Of a local activity the SDK hands out the cause alone; but a time limit that it has just seen
   pass stands in an ``ActivityError``, and in its replay does not. Both are taken for the cause.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.exceptions import TimeoutError as ExpiredError

from activities.contracts.meant import MeantError
from dsl.core import Value
from dsl.limits import JSON_WRAPPED_DEPTH_MAX
from dsl.values import strict_json
from dsl.values.model_faults import fault_of
from dsl.values.strict_json import JsonError

UNREADABLE: Final = "UnreadableAnswer"
_JSON: Final = b"json/plain"
_WHERE_MAX: Final = 80  # characters of what somebody else has named

T = TypeVar("T", bound=Value)


class UnreadableError(Exception):
    """An answer cannot be read; the text says why."""


def unreadable(error: UnreadableError, *, activity_type: str, activity_id: str) -> ActivityError:
    """Return the failure of an activity that was completed with what is no answer of it (1)."""
    cause = MeantError(f"the answer of {activity_type} cannot be read: {error}", type=UNREADABLE)
    return _failed(cause, activity_type=activity_type, activity_id=activity_id)


def final(error: FailureError, *, activity_type: str, activity_id: str) -> ActivityError | None:
    """Return the failure of a local activity; None: another attempt may succeed."""
    # (5) else a run goes another way than its replay
    cause = error.cause if isinstance(error, ActivityError) else error
    is_passing = isinstance(cause, ExpiredError)
    if isinstance(cause, ApplicationError):
        is_passing = not cause.non_retryable
    if is_passing:
        return None
    return _failed(cause, activity_type=activity_type, activity_id=activity_id)


def _failed(cause: BaseException | None, *, activity_type: str, activity_id: str) -> ActivityError:
    """Return the failure of an activity that ended so, as the SDK makes it of a regular one."""
    failure = ActivityError(
        f"{activity_type} failed",
        scheduled_event_id=0,
        started_event_id=0,
        identity="",
        activity_type=activity_type,
        activity_id=activity_id,
        retry_state=None,
    )
    failure.__cause__ = cause
    return failure


def read_value(answer: Any, kind: type[T], converter: PayloadConverter, *, bytes_max: int) -> T:
    """Return the answer as what it has to be.

    Raises:
        UnreadableError: it is not; one sentence.
    """
    if not isinstance(answer, RawValue):
        raise UnreadableError("it is empty")
    payload = answer.payload
    if len(payload.data) > bytes_max:  # (2) no larger than its reader has room for
        raise UnreadableError(f"it has {len(payload.data)} bytes, and {bytes_max} is the limit")
    if payload.metadata.get("encoding") == _JSON:
        try:
            strict_json.read(payload.data, bytes_max=bytes_max, depth_max=JSON_WRAPPED_DEPTH_MAX)
        except JsonError as error:
            raise UnreadableError(str(error)) from None
    found = _typed(payload, kind, converter)
    if not isinstance(found, kind):  # json/protobuf makes what it names
        raise UnreadableError(f"expected JSON, got a {type(found).__name__}")
    return found


def read_detail(
    failure: ApplicationError, kind: type[T], converter: PayloadConverter, *, bytes_max: int
) -> T:
    """Return the one detail of a failure as what it has to be (4).

    Raises:
        UnreadableError: it is not; one sentence.
    """
    if len(failure.details) != 1:
        raise UnreadableError(f"expected one detail, got {len(failure.details)}")
    (detail,) = failure.details
    try:
        payload = converter.to_payload(detail)
    except Exception as error:  # noqa: BLE001  # whatever the encoding's library raises
        raise UnreadableError(f"expected JSON, got what is none ({type(error).__name__})") from None
    return read_value(RawValue(payload), kind, converter, bytes_max=bytes_max)


def _typed(payload: Payload, kind: type[T], converter: PayloadConverter) -> Any:
    try:
        return converter.from_payload(payload, kind)  # (3) another encoding is its converter's
    except ValidationError as error:
        raise UnreadableError(fault_of(error).removeprefix("input: ")) from None
    except Exception as error:  # noqa: BLE001  # (3) whatever that one raises
        encoding = payload.metadata.get("encoding", b"")[:_WHERE_MAX]
        raise UnreadableError(
            f"expected JSON, got encoding {encoding.decode('ascii', 'replace')!r} "
            f"({type(error).__name__})"
        ) from None
