"""The text of a document before it is parsed: bytes to characters, JSON to YAML.

Called by ``dsl.document.loader`` alone. It refuses, each at its place:

1. a text that is larger than the limit;
2. bytes that are not UTF-8;
3. control characters, and Unicode's own line separators, which one version of YAML reads as
   line breaks and the next as text;
4. directives: ``%TAG`` lines are compared each with all others, minutes for a hostile file.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from dsl import limits
from dsl.errors import DslError, Position, Problem
from dsl.values.strict_json import depth_of

TOO_LARGE: Final = "DSL109"
TOO_DEEP: Final = "DSL110"
CHARACTER: Final = "DSL113"
DIRECTIVE: Final = "DSL114"
NOT_JSON: Final = "DSL115"

START: Final = Position(1, 1)

_UNREADABLE = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_DIRECTIVE = re.compile(r"(?:\A|[\r\n])%")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# The run of backslashes before it is even: else it is not an escape but text about one.
_SURROGATE_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)


def decode(document: str | bytes, source: str) -> str:
    """Return the text of ``document`` without its byte order mark.

    Raises:
        DslError: too large, not UTF-8, or with characters or lines that are refused.
    """
    if isinstance(document, str):
        text = document.removeprefix("\ufeff")
        _refuse_large(len(text.encode(errors="surrogatepass")), source)
    else:
        _refuse_large(len(document), source)
        text = _utf8(document, source)
    if bad := _UNREADABLE.search(text):  # (3) two readers, two line breaks
        message = f"character U+{ord(bad[0]):04X} is not allowed"
        at, hint = _position(text[: bad.start()]), "remove it, or escape it in double quotes"
        raise DslError(source, [Problem(CHARACTER, message, at, hint)], _shown(text))
    if bad := _DIRECTIVE.search(text):  # (4) minutes for a hostile file
        message = "directives (%YAML, %TAG) are not supported"
        at = _position(text[: bad.end() - 1])
        raise DslError(source, [Problem(DIRECTIVE, message, at, "remove the line")], text)
    return text


def from_json(data: Any, source: str) -> str:
    """Return decoded JSON as pretty-printed text that ``as_yaml`` and the loader read back.

    Raises:
        DslError: too large when written out on one line, or not JSON after all.
    """
    try:
        compact = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        pretty = json.dumps(data, allow_nan=False, ensure_ascii=False, indent=2)
    except RecursionError:
        raise DslError(source, [too_deep(START)]) from None
    except (TypeError, ValueError) as error:
        problem = Problem(NOT_JSON, f"not a JSON document: {error}", START)
        raise DslError(source, [problem]) from None
    _refuse_large(len(compact.encode(errors="surrogatepass")), source)
    text = _UNREADABLE.sub(_escaped, pretty)
    if bad := _UNREADABLE.search(text):  # (3): a lone surrogate
        message = f"half a character (U+{ord(bad[0]):04X}) is not text"
        at = _position(text[: bad.start()])
        raise DslError(source, [Problem(CHARACTER, message, at)], _shown(text))
    return text


def is_json(text: str) -> bool:
    """Tell whether ``text`` is JSON as a whole, and not merely YAML that looks like it."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    if depth_of(text.encode(errors="surrogatepass")) > limits.DOCUMENT_DEPTH_MAX:
        return False  # the loader refuses it
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def as_yaml(text: str) -> str:
    """Rewrite the two things in which JSON is not the YAML that PyYAML reads.

    These are tabs between tokens, and characters written as a pair of escapes. Only in a text
    that is JSON as a whole is it certain that no string holds a tab and every string escapes.
    """
    if not ("\t" in text or _SURROGATE_PAIR.search(text)) or not is_json(text):
        return text
    return _SURROGATE_PAIR.sub(_joined, text.replace("\t", " "))


def too_deep(at: Position) -> Problem:
    """Return the problem of a document nested beyond the limit."""
    return Problem(TOO_DEEP, f"nested deeper than {limits.DOCUMENT_DEPTH_MAX} levels", at)


def _refuse_large(size: int, source: str) -> None:
    if size > limits.DOCUMENT_BYTES_MAX:  # (1) larger than the limit
        message = f"the document has {size} bytes, at most {limits.DOCUMENT_BYTES_MAX} are allowed"
        hint = "split it into several pipelines"
        raise DslError(source, [Problem(TOO_LARGE, message, START, hint)])


def _utf8(document: bytes, source: str) -> str:
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError as error:  # (2) not UTF-8
        # The codec counts from behind a byte order mark; its own slice does not lie.
        before = error.object[: error.start].decode()
        message = f"byte 0x{error.object[error.start]:02x} is not UTF-8"
        problem = Problem(CHARACTER, message, _position(before), "save the file as UTF-8")
        shown = _shown(error.object.decode(errors="replace"))
        raise DslError(source, [problem], shown) from None


def _shown(text: str) -> str:
    """Return ``text`` for a message: no terminal obeys it, and every encoder takes it."""
    return _UNREADABLE.sub("\ufffd", text)


def _position(before: str) -> Position:
    """Return the place that follows ``before``."""
    line_start = max(before.rfind("\n"), before.rfind("\r")) + 1
    return Position(len(_LINE_BREAK.findall(before)) + 1, len(before) - line_start + 1)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return match[0] if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"  # noqa: PLR2004  # Unicode's bounds of surrogates


def _joined(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return f"{match[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"
