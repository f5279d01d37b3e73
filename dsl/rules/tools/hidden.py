"""What of an answer is left out before anybody keeps it: fields, as the operator names them.

Pure. The rules:

1. A field is a path of keys, ``customer.card``. Lists on the way are gone through.
2. What is no JSON has no fields, so nobody can tell where they are: all of it is left out. Likewise
   where a path meets what has no keys: a ``customer`` that is text may be, or hold, the card.
3. A key that some server takes for the one that is named is that one: see ``like_of``. A dot that
   only some take for one, as U+2024, is in a key, and parts none.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
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
    for _, holder, key in places([value], fields):
        holder[key] = HIDDEN
    return write_answer(value)


def like_of(key: str) -> str:
    """Return what a key is to whoever looks least closely (3)."""
    return unicodedata.normalize("NFKC", key).casefold()


def places(value: Any, fields: Sequence[str]) -> Iterator[tuple[str, Any, Any]]:
    """Return where ``fields`` stand in ``value``: which one, what holds it, and its place there.

    What stands there may be replaced meanwhile; it is not looked into again.
    """
    # The shorter ones first: what holds a field is one itself, perhaps.
    paths = {tuple(map(like_of, each.split("."))) for each in fields}  # (3) parted as it is written
    for path in sorted(paths, key=lambda each: (len(each), each)):
        for holder, key in [*_places(value, path)]:
            yield ".".join(path), holder, key


def _places(value: Any, path: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    pending: list[tuple[Any, Sequence[str]]] = [(value, path)]
    while pending:
        holder, (key, *rest) = pending.pop()
        found: list[tuple[Any, Any, Sequence[str]]]
        if isinstance(holder, list):  # (1) gone through
            found = [(at, item, (key, *rest)) for at, item in enumerate(holder)]
        else:
            found = [(at, item, rest) for at, item in holder.items() if like_of(at) == key]
        for at, item, left in found:
            if left and isinstance(item, dict | list):
                pending.append((item, left))
            elif item is not None or not left:  # (2) met: nobody can tell what it holds
                yield holder, at
