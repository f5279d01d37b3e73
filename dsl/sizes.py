"""What a value weighs on the wire.

The server refuses a payload of more than 2 MiB, and it does so again on every attempt: what
may grow is weighed before it is sent.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json


def wire_bytes(value: Any) -> int:
    """Return the bytes of ``value`` as the payload converter writes it: compact JSON, UTF-8."""
    return len(to_json(value))
