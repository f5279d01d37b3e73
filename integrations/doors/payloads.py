"""Parts of what a service has sent, read with care.

What is of another type than was expected is as good as nothing, and no text is longer than is
looked at.
"""

from __future__ import annotations

from typing import Any, Final

TEXT_MAX: Final = 300  # characters, of what is no more than an id or a name


def object_of(value: Any) -> dict[str, Any]:
    """Return it if it is one; else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any, limit: int = TEXT_MAX) -> str:
    """Return it if it is text, as far as ``limit``; else none."""
    return value[:limit] if isinstance(value, str) else ""
