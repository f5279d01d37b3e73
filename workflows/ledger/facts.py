"""What a fact may hold, so that the ledger never refuses it.

A refusal is final, and the entries that share its record are refused with it. The rules:

1. Numbers the ledger has no spelling for become text; so does whatever is no JSON.
2. What is nested too deep for the ledger is replaced by its digest.
3. Over ``FACT_BYTES_MAX`` the largest values are replaced by their digest and their size until
   the rest fits. What is small stays readable; what was replaced can still be proved.
"""

from __future__ import annotations

from typing import Any, Final

from dsl.limits import FACT_BYTES_MAX
from dsl.values.canonical import INTEGER_MAX, canonical, digest_of

DEPTH_MAX: Final = 24  # the ledger takes 32


def fact(payload: dict[str, Any]) -> dict[str, Any]:
    """Return ``payload`` as the ledger will take it; unchanged when it already is."""
    plain = {_key(key): _plain(value, DEPTH_MAX) for key, value in payload.items()}
    if _bytes(plain) < FACT_BYTES_MAX:
        return plain
    sizes = {key: _bytes(value) + _bytes(key) + 2 for key, value in plain.items()}
    total = sum(sizes.values()) + 2
    for key in sorted(plain, key=lambda key: (-sizes[key], key)):
        if total <= FACT_BYTES_MAX:
            return plain
        short = _summary(plain[key])
        saved = _bytes(plain[key]) - _bytes(short)
        if saved > 0:
            plain[key] = short
            total -= saved
    return plain if total <= FACT_BYTES_MAX else _summary(plain)


def _summary(value: Any) -> dict[str, Any]:
    """Return what stands for ``value`` (3)."""
    if isinstance(value, (dict, list)):
        return {"digest": digest_of(value), "count": len(value)}
    return {"digest": digest_of(value), "size": _bytes(value)}


def _plain(value: Any, depth: int) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int() if abs(value) <= INTEGER_MAX:
            return int(value)
        case dict() | list() | tuple():
            return _nested(value, depth)
        case _:
            return _text(str(value))  # (1) no spelling for it: as text


def _nested(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int) -> Any:
    if depth == 0:  # (2) too deep: as its digest
        return {"digest": digest_of(_text(repr(value))), "count": len(value)}
    if isinstance(value, dict):
        return {_key(key): _plain(item, depth - 1) for key, item in value.items()}
    return [_plain(item, depth - 1) for item in value]


def _key(key: Any) -> str:
    text = _text(str(key))
    return text if max(text, default="") <= "\uffff" else digest_of(text)


def _text(value: str) -> str:
    """Return ``value`` without lone surrogates, which have no bytes."""
    return value.encode(errors="replace").decode()


def _bytes(value: Any) -> int:
    return len(canonical(value).encode())
