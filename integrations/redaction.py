"""Redaction: what was handed out as a secret does not come back as text.

A net against accidents: a traceback with a password in it, an HTTP client that logs its
headers. It is no defence against a program that wants to leak what it was given (it may
reverse or encrypt it); that is what short-lived credentials and the sandbox are for.

1. A secret is replaced wherever it stands, also inside a word, also as a mapping's key.
2. So are its usual disguises: base64 (standard and URL-safe, at each of the three alignments
   inside a longer text), hexadecimal, percent-encoded, and escaped as in JSON, or as in JSON
   that stands in JSON.
3. A secret of several lines (a PEM key) is also replaced line by line.
4. A secret shorter than ``SHORT`` characters is replaced only where it stands as a word of
   its own, and has no disguises: anything else would shred ordinary text. An empty secret is
   no secret.
5. A number is replaced when its text is a secret.
6. A redactor shows its secrets to nobody: not printed, not pickled.
7. Text that looks like a Vault token is replaced, whoever minted it; in JSON it is looked for
   in what the strings mean, since an escape sequence ends in a letter or starts the token.
8. Where the start of a text was cut off, the rest of a secret at its start goes too; likewise
   at its end.
9. A redactor counts what it has replaced or found: secrets of ``TELLING`` characters and more,
   which do not stand there by chance as ``prod`` or ``admin`` does, and what looks like a token.
   What is left of a cut one is not counted, nor are the first and last line of a PEM file, which
   all of them have.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import quote, quote_plus

from dsl.values.vault_tokens import TOKEN_SHAPE

REDACTED: Final = "[redacted]"
SHORT: Final = 4  # characters
TELLING: Final = 8  # characters

# Not in the middle of a word; the letters of a line feed that is escaped in JSON are none.
_START: Final = r"(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9A-Fa-f]{4}))"
TOKEN_PATTERN: Final = re.compile(_START + TOKEN_SHAPE)
_PERHAPS: Final = re.compile(TOKEN_SHAPE + r"|\\u")  # cheap, and true wherever JSON hides a token
# A string that never ends takes the rest, and is looked at once.
_JSON_PIECE: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[^"]+', re.DOTALL)

_PEM_EDGE: Final = re.compile(r"-{5}(?:BEGIN|END) [A-Z0-9 ]+-{5}")
_LINE_MIN: Final = 16  # shorter lines of a multi-line secret are ordinary text
_HEAD: Final = 8  # characters, by which the rest of a secret is looked for
_ENCODED_MIN: Final = 6  # shorter pieces of base64 occur by chance
_SECRET_MAX: Final = 1 << 16  # characters; nothing that is handed out as a secret is longer


@dataclass(slots=True)
class Replaced:
    """How often something was replaced (9)."""

    secrets: int = 0
    tokens: int = 0


class Redactor:
    """Replaces the secrets it was made with by ``[redacted]``."""

    __slots__ = ("_needles", "_secrets", "_telling", "_words", "margin", "replaced")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(secret for secret in secrets if secret)
        if any(len(secret) > _SECRET_MAX for secret in self._secrets):
            raise ValueError(f"a secret may have at most {_SECRET_MAX} characters")
        long = {secret for secret in self._secrets if len(secret) >= SHORT}
        needles = {needle for secret in long for needle in _disguises(secret)}
        # Longest first: a secret that contains another must not be left in pieces.
        self._needles = tuple(sorted(needles, key=lambda needle: (-len(needle), needle)))
        self._telling = frozenset(  # (9) these do not stand there by chance
            needle
            for secret in long
            if len(secret) >= TELLING
            for needle in _disguises(secret)
            if not _PEM_EDGE.fullmatch(needle)
        )
        short = sorted(self._secrets - long, key=lambda secret: (-len(secret), secret))
        self._words = (  # (4) short ones only as words
            re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, short)) + r")(?!\w)")
            if short
            else None
        )
        # Text cut to size must keep this many characters more until it is redacted.
        self.margin = max((len(needle) for needle in self._needles), default=0)
        self.replaced = Replaced()  # (9) counted

    def including(self, secrets: Iterable[str]) -> Redactor:
        """Return a redactor that knows these secrets too, and has replaced nothing yet."""
        return Redactor((*self._secrets, *secrets))

    def text(self, text: str) -> str:
        """Return ``text`` without the secrets."""
        for needle in self._needles:
            if needle in text:
                self.replaced.secrets += text.count(needle) if needle in self._telling else 0
                text = text.replace(needle, REDACTED)
        text = self._words.sub(REDACTED, text) if self._words else text
        text, tokens = TOKEN_PATTERN.subn(REDACTED, text)  # (7) whoever minted it
        self.replaced.tokens += tokens
        return text

    def cut_text(self, text: str) -> str:
        """Return ``text``, whose start was cut off, without the secrets (8)."""
        clean = self.text(text)  # first, lest what is taken off be the start of a whole one
        rest = max((_rest(needle, clean) for needle in self._needles), default=0)
        return clean[rest:]

    def cut_end(self, clean: str) -> str:
        """Return a text without secrets, whose end was cut off, without half of one there (8)."""
        turned = clean[::-1]
        rest = max((_rest(needle[::-1], turned) for needle in self._needles), default=0)
        return clean[: len(clean) - rest]

    def value(self, value: Any) -> Any:
        """Return JSON-like ``value`` without the secrets, keys and numbers included.

        However deep it is: who says too much of anything is refused elsewhere.
        """
        result: list[Any] = [None]
        pending: list[tuple[Any, Any, Any]] = [(result, 0, value)]  # where it goes, and what
        while pending:
            holder, place, item = pending.pop()
            match item:
                case dict():
                    keys = [self.text(str(key)) for key in item]
                    made: Any = dict.fromkeys(keys)  # in the order of the original
                    pending.extend(
                        (made, *inner) for inner in zip(keys, item.values(), strict=True)
                    )
                case list() | tuple():
                    made = [None] * len(item)
                    pending.extend((made, n, inner) for n, inner in enumerate(item))
                case _:
                    made = self._scalar(item)
            holder[place] = made
        return result[0]

    def _scalar(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool) or value is None:
            return value
        try:
            text = str(value)
        except ValueError:  # an integer of more digits than Python writes down
            return REDACTED
        if text not in self._secrets:
            return value
        self.replaced.secrets += len(text) >= TELLING
        return REDACTED  # (5) a number is text too

    def found_in(self, data: bytes) -> bool:
        """Tell whether ``data`` holds a secret; short ones (4) are not looked for in bytes."""
        found = [n for n in self._needles if n.encode("utf-8", "surrogatepass") in data]
        self.replaced.secrets += any(needle in self._telling for needle in found)
        return bool(found)

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._secrets)} secret(s)>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor holds secrets and cannot be pickled")  # (6) shown to nobody


def redact_tokens(text: str) -> str:
    """Replace everything in ``text`` that looks like a Vault token (7)."""
    return TOKEN_PATTERN.sub(REDACTED, text)


def redact_tokens_in_json(text: str) -> str:
    """Replace everything in the strings of JSON ``text`` that looks like a Vault token (7).

    What holds none keeps every character; JSON stays JSON.
    """
    if _PERHAPS.search(text) is None:
        return text
    return _JSON_PIECE.sub(lambda piece: _redact_piece(piece[0]), text)


def _redact_piece(piece: str) -> str:
    """Redact one string literal, or what stands between two."""
    if not piece.startswith('"'):
        return redact_tokens(piece)
    try:
        said: str = json.loads(piece, strict=False)
    except ValueError:
        return redact_tokens(piece)
    clean = redact_tokens(said)
    return piece if clean == said else json.dumps(clean)


def _disguises(secret: str) -> Iterator[str]:
    """Every text under which ``secret`` is looked for."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    # (3) line by line as well
    yield from (line for line in secret.splitlines() if len(line) >= _LINE_MIN)
    for once in _escaped(secret):
        yield once
        yield from _escaped(once)
    yield from (raw.hex(), raw.hex().upper())
    for encoded in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield from (encoded, re.sub("%..", lambda match: match[0].lower(), encoded))
    for piece in _base64_pieces(raw):
        if len(piece) >= _ENCODED_MIN:
            yield from (piece, piece.translate(_URL_SAFE))


def _escaped(text: str) -> tuple[str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _rest(needle: str, text: str) -> int:
    """Return how many characters at the start of ``text`` are the end of ``needle``."""
    head = text[:_HEAD]
    start = needle.find(head, 1) if len(head) == _HEAD else -1
    while start >= 0:
        if text.startswith(needle[start:]):
            return len(needle) - start
        start = needle.find(head, start + 1)
    sizes = range(min(len(head), len(needle) - 1), 0, -1)
    return next((size for size in sizes if needle.endswith(text[:size])), 0)


_URL_SAFE: Final = str.maketrans("+/", "-_")


def _base64_pieces(raw: bytes) -> Iterator[str]:
    """The part of a base64 text that ``raw`` alone decides, at each alignment."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        start = (0, 2, 3)[before]  # characters that also hold bits of what stands before
        spill = (before + len(raw)) % 3
        end = len(encoded) if spill == 0 else len(encoded) - (3 if spill == 1 else 2)
        yield encoded[start:end]
