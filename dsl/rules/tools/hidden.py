"""What of an answer is left out before anybody keeps it: fields, as the operator names them.

Pure. The rules:

1. A field is a path of keys, ``customer.card``. Lists on the way are gone through.
2. What is no JSON has no fields, so nobody can tell where they are: all of it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from dsl.limits import AGENT_LINE_BYTES_MAX
from dsl.values import strict_json
from dsl.values.strict_json import JsonError

HIDDEN: Final = "[redacted]"
FIELD_PATTERN: Final = r"^[^.\s]+(\.[^.\s]+)*$"
write_answer: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
).encode


def without_fields(text: str, fields: Sequence[str]) -> str:
    """Return ``text``, which is to be JSON, without what stands in ``fields``."""
    if not fields:
        return text
    try:
        value = strict_json.read(text.encode(errors="replace"), bytes_max=AGENT_LINE_BYTES_MAX)
    except JsonError:
        return HIDDEN  # (2) nobody can tell where they are
    if not isinstance(value, dict | list):
        return HIDDEN
    for field in fields:
        for holder, key in places(value, field):
            holder[key] = HIDDEN
    return write_answer(value)


def places(value: Any, field: str) -> list[tuple[dict[str, Any], str]]:
    """Return where ``field`` stands in ``value``: the objects that hold it, each with its key."""
    found: list[tuple[dict[str, Any], str]] = []
    pending: list[tuple[Any, Sequence[str]]] = [(value, field.split("."))]
    while pending:
        item, (key, *rest) = pending.pop()
        if isinstance(item, list):  # (1) gone through
            pending.extend((each, (key, *rest)) for each in item)
        elif isinstance(item, dict) and key in item:
            if rest:
                pending.append((item[key], rest))
            else:
                found.append((item, key))
    return found
