"""What a value weighs on the wire.

The server refuses a payload of more than 2 MiB, and it does so again on every attempt: what
may grow is weighed before it is sent. What is one sentence by nature is cut where it enters.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import to_json

from dsl.limits import DETAIL_LENGTH_MAX


def wire_bytes(value: Any) -> int:
    """Return the bytes of ``value`` as the payload converter writes it: compact JSON, UTF-8."""
    return len(to_json(value))


def sentence(text: str) -> str:
    """Return ``text``, cut to ``DETAIL_LENGTH_MAX`` characters; it says how many are missing."""
    if len(text) <= DETAIL_LENGTH_MAX:
        return text
    kept = text[: DETAIL_LENGTH_MAX - _ROOM]
    return f"{kept} ... ({len(text) - len(kept)} more characters)"


_ROOM = len(" ... (999999999 more characters)")

Sentence = Annotated[str, AfterValidator(sentence)]
