"""JSON from outside, read so that every reader reads the same, or refused in one sentence.

Everything that crosses a boundary comes through here: what agents say, votes, starts, score
cards, logins, answers of servers. ``json.loads`` alone takes what others refuse or read
differently. A sentence here quotes nothing of the text but a key. The rules:

1. UTF-8, and no byte order mark. UTF-16 and UTF-32 are named, not guessed at.
2. No larger and no deeper than its reader says. The depth is counted before anything is parsed:
   a parser that recurses is never given what it could not take.
3. A key once in an object: of two, one reader keeps the first and the next the last.
4. No NaN, no infinity, no number beyond a double, no integer beyond ``INTEGER_MAX``.
5. No half of a surrogate pair: it has no UTF-8, and would stop whoever writes it down.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final, NoReturn

from dsl.limits import JSON_DEPTH_MAX
from dsl.values.canonical import INTEGER_MAX

_KEY_SHOWN_MAX: Final = 40  # characters
_BOM: Final = b"\xef\xbb\xbf"
# JSON begins with ASCII, so its first bytes tell the encoding, with or without a mark.
_WIDE: Final = (
    ("UTF-32", re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff|\0\0\0[^\0]|[^\0]\0\0\0", re.DOTALL)),
    ("UTF-16", re.compile(rb"\xff\xfe|\xfe\xff|\0[^\0]|[^\0]\0", re.DOTALL)),
)
# A string, also one that never ends: then it takes the rest, and is looked at once.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))
_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """A text is not JSON as every reader reads it: one sentence, for whoever wrote it."""


class NotJsonError(JsonError):
    """It is not JSON to anybody: its encoding (1) or its grammar."""


class TooDeepError(JsonError):
    """It is nested deeper than its reader goes (2); whether it is JSON was not looked at."""


def read(data: bytes | str, *, bytes_max: int, depth_max: int = JSON_DEPTH_MAX) -> Any:
    """Return the value of JSON text.

    Raises:
        JsonError: it is refused; see the rules of this module.
    """
    raw = _encoded(data)
    if len(raw) > bytes_max:
        raise JsonError(f"it has {len(raw)} bytes, and {bytes_max} is the limit")
    text = _decoded(raw)
    depth = depth_of(raw)
    if depth > depth_max:
        raise TooDeepError(f"it is nested {depth} levels deep, and {depth_max} is the limit")
    try:
        value = _decoder.decode(text)
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        what = error.msg.lower().removesuffix(" at")
        raise NotJsonError(
            f"it is not JSON: {what} at line {error.lineno} column {error.colno}"
        ) from None
    if _ESCAPED_SURROGATE.search(raw):
        _refuse_halves(value)
    return value


def depth_of(raw: bytes) -> int:
    """Return how deep the brackets of JSON text nest, at least as deep as any parser would go."""
    if raw.count(b"[") + raw.count(b"{") <= 1:
        return raw.count(b"[") + raw.count(b"{")
    brackets = _STRING.sub(b"", raw).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _encoded(data: bytes | str) -> bytes:
    try:
        return data.encode() if isinstance(data, str) else data
    except UnicodeEncodeError:  # (5) half of a pair
        raise JsonError("it has half of a surrogate pair, which is no character") from None


def _decoded(raw: bytes) -> str:
    for name, start in _WIDE:
        if start.match(raw):
            raise NotJsonError(f"it is {name}, write it in UTF-8")  # (1) named, not guessed at
    if raw.startswith(_BOM):
        raise NotJsonError("it begins with a byte order mark, write it without one")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise NotJsonError(
            f"it is not UTF-8: byte 0x{raw[error.start]:02x} at position {error.start}"
        ) from None


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):  # (3) a key was there twice
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonError(f"the key {json.dumps(twice[:_KEY_SHOWN_MAX])} is there twice")
    return value


def _integer(digits: str) -> int:
    if len(digits) <= len(str(-INTEGER_MAX)):
        value = int(digits)
        if abs(value) <= INTEGER_MAX:
            return value
    raise JsonError("an integer is beyond 2**53 - 1, write it as a string")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonError("a number is beyond 1.7e308, write it as a string")
    return value


def _constant(word: str) -> NoReturn:
    raise JsonError(f"{word} is no number of JSON, write null or a string")


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)


def _refuse_halves(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonError("it has half of a surrogate pair, which is no character") from None
