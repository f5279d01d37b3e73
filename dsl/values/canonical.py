"""Canonical JSON and digests: one byte string per value, so that equal things hash equal.

For text, booleans, null, lists, maps and integers below 2**53 the bytes are those of
RFC 8785 (the tests compare with an independent implementation); keys outside the Basic
Multilingual Plane, whose RFC order is by UTF-16, are refused. Finite floats are written in
Python's shortest form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

INTEGER_MAX: Final = 2**53 - 1
DIGEST_PATTERN: Final = r"^sha256:[0-9a-f]{64}$"

_PLAIN: Final = frozenset({str, bool, type(None), float})
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical(value: Any) -> str:
    """Return ``value`` as canonical JSON.

    Raises:
        ValueError: a value that other readers would read differently.
    """
    _check(value)
    return _encode(value)


def digest_of(value: Any) -> str:
    """Return ``sha256:<hex>`` of the canonical JSON of ``value``."""
    return digest_of_bytes(canonical(value).encode())


def digest_of_bytes(data: bytes) -> str:
    """Return ``sha256:<hex>`` of ``data``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _check(value: Any) -> None:
    match value:
        case dict():
            _check_items(value)
        case list() | tuple():
            for item in value:
                if type(item) not in _PLAIN:  # most values are
                    _check(item)
        case None | bool() | str() | float():
            return  # the encoder itself refuses NaN and infinities
        case int():
            _check_integer(value)
        case Mapping():
            _check_items(value)
        case _:
            raise ValueError(f"a {type(value).__name__} has no canonical JSON form")


def _check_items(value: Mapping[Any, Any]) -> None:
    for key, item in value.items():
        if type(key) is not str or not key.isascii():  # hardly any
            _check_key(key)
        if type(item) not in _PLAIN:
            _check(item)


def _check_integer(value: int) -> None:
    if abs(value) > INTEGER_MAX:
        raise ValueError(f"integer {value} is outside the range of I-JSON (2**53 - 1)")


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or not (key.isascii() or max(key) <= "\uffff"):
        raise ValueError(f"{key!r} cannot be a key of canonical JSON")
