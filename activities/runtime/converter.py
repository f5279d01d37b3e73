"""How values cross the wire, and the last nets under them.

1. JSON by pydantic. A payload that cannot be read stays raw when nobody says what type it should
   be, so that the handler can refuse it; the default would drop the message unseen, or, in what
   a failure carries, fail the workflow task again and again.
2. Nothing that looks like a Vault token enters history: text that does is *replaced*, where a value
   becomes a payload. Raising instead would wedge the run. A codec does so later, and has every
   payload of a workflow task copied, in both directions: it is there for converters not ours.
3. The same for failures, whose messages and stack traces no codec sees. One that is meant has no
   stack trace, whatever it was caused by; a bug keeps the innermost part of its own. See
   ``activities.contracts.meant``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Self

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    PayloadCodec,
    PayloadConverter,
    SerializationContext,
)

from activities.contracts.meant import MeantError, is_meant
from dsl.limits import STACK_TRACE_LENGTH_MAX
from integrations.redaction import redact_tokens, redact_tokens_in_json

_PYDANTIC = PydanticPayloadConverter()


class MandatePayloadConverter(CompositePayloadConverter):
    """Leaves what it cannot read raw (1), and writes no tokens (2)."""

    def __init__(self) -> None:
        # The SDK makes two for every activation: they share what is stateless and slow to make.
        self.converters = _PYDANTIC.converters

    def with_context(self, _context: SerializationContext) -> Self:
        """Return this: none of the converters looks at who it is for; see the base class."""
        return self

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Encode each value, without tokens (2); see the base class."""
        return [_redacted(payload) for payload in super().to_payloads(values)]

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        """Decode each payload; see the base class."""
        if type_hints:
            return super().from_payloads(payloads, type_hints)
        return [self._read(payload) for payload in payloads]

    def _read(self, payload: Payload) -> Any:
        try:
            return super().from_payloads([payload])[0]
        except Exception:  # noqa: BLE001  # (1) whatever the encoding's library raises
            return RawValue(payload)


class RedactingCodec(PayloadCodec):
    """Replaces token-like text in everything that a converter not ours makes (2)."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads without tokens."""
        return [_redacted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they are: what was replaced is gone."""
        return list(payloads)


class RedactingFailureConverter(DefaultFailureConverter):
    """Replaces token-like text in failures (3)."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Convert; see the base class."""
        super().to_failure(exception, payload_converter, failure)
        if is_meant(exception):
            failure.stack_trace = ""
        for each in _chain(failure):
            each.message = redact_tokens(each.message)
            each.stack_trace = redact_tokens(_innermost(each.stack_trace))
            if isinstance(exception, MeantError):
                each.stack_trace = ""


def with_ours(theirs: DataConverter | None) -> DataConverter:
    """Return ``theirs`` with what of ours it leaves at the SDK's defaults."""
    theirs = theirs or DataConverter.default
    ours: dict[str, Any] = {}
    if theirs.payload_converter_class is DefaultPayloadConverter:
        ours["payload_converter_class"] = MandatePayloadConverter
    elif theirs.payload_codec is None:
        ours["payload_codec"] = RedactingCodec()
    if theirs.failure_converter_class is DefaultFailureConverter:
        ours["failure_converter_class"] = RedactingFailureConverter
    return dataclasses.replace(theirs, **ours)


def _redacted(payload: Payload) -> Payload:
    if not payload.metadata.get("encoding", b"").startswith(b"json/"):
        return payload
    text = payload.data.decode("utf-8", "surrogateescape")
    clean = redact_tokens_in_json(text)
    if clean == text:
        return payload
    return Payload(metadata=dict(payload.metadata), data=clean.encode("utf-8", "surrogateescape"))


def _chain(failure: Failure) -> Iterator[Failure]:
    """Yield a failure and its causes."""
    yield failure
    while failure.HasField("cause"):
        failure = failure.cause
        yield failure


def _innermost(trace: str) -> str:
    """Return the end of a stack trace, where it was raised, as long as it may be."""
    if len(trace) <= STACK_TRACE_LENGTH_MAX:
        return trace
    return f"  [...]\n{trace[-STACK_TRACE_LENGTH_MAX:].partition(chr(10))[2]}"
