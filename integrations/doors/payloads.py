"""Parts of what a service has sent, read with care.

What is of another type than was expected is as good as nothing, and no text is longer than is
looked at. Where nothing can be made of the whole, that is an ``UnreadableError``: its sender sends
something else than was expected of that service.
"""

from __future__ import annotations

from typing import Any, Final

from integrations.errors import DeniedError

TEXT_MAX: Final = 300  # characters, of what is no more than an id or a name


class UnreadableError(DeniedError):
    """What was sent is not what that service sends. Sent again, it is not either."""


def object_of(value: Any) -> dict[str, Any]:
    """Return it if it is one; else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any, limit: int = TEXT_MAX) -> str:
    """Return it if it is text, as far as ``limit``; else none."""
    return value[:limit] if isinstance(value, str) else ""


def count_of(value: Any) -> int | None:
    """Return a number that counts or names something, which begins with one; else None."""
    return value if type(value) is int and value > 0 else None
