"""Checkpoints of a ledger as signed notes: how many entries it has, and the root over them.

The form is C2SP's (``tlog-checkpoint`` in a signed note), which tools of transparency logs read:
origin, size, root in base64, an empty line, and a line for each signature. Here they are read and
written; whether a signature is good is for ``integrations.ledger.notes``. The rules:

1. One note has one text: what a reader could read in two ways is refused. Lines beyond the root are
   refused as well, since we write none.
2. A key is known by its name, which is the ledger's origin, and by four bytes of a hash over name
   and key. The hash only tells keys apart.
3. Signatures of others, witnesses for one, are kept and say nothing here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from dsl.rules.ledger.merkle import HASH_BYTES

NOTE_BYTES_MAX: Final = 8_192
ORIGIN_PATTERN: Final = r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*"
ORIGIN_LENGTH_MAX: Final = 200
SIGNATURE_BYTES: Final = 64
_KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_LINES: Final = 3  # origin, size, root
_ED25519: Final = b"\x01"
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_ORIGIN: Final = re.compile(ORIGIN_PATTERN)
_SIGNED: Final = re.compile(r"— (\S+) (\S+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a ledger was at some time."""

    origin: str  # which ledger
    size: int  # entries
    root: bytes

    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line below a note."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """Return it as it stands in a note."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A checkpoint and who has signed it."""

    checkpoint: Checkpoint
    signatures: tuple[NoteSignature, ...]

    def text(self) -> str:
        """Return the note as it is kept."""
        return f"{self.checkpoint.text()}\n{''.join(each.line() for each in self.signatures)}"

    @classmethod
    def parse(cls, text: str) -> SignedNote:
        """Read a note (1).

        Raises:
            ValueError: it has another form; the message says where.
        """
        if len(text.encode(errors="replace")) > NOTE_BYTES_MAX:
            raise ValueError(f"a note has at most {NOTE_BYTES_MAX} bytes")
        head, gap, tail = text.rpartition("\n\n")
        if not gap or not tail.endswith("\n"):
            raise ValueError(
                "expected a signed note: origin, size, root, an empty line, signatures"
            )
        lines = head.split("\n")
        if len(lines) != _LINES:
            raise ValueError(f"expected origin, size and root, a line each, got {len(lines)} lines")
        origin, size, root = lines
        if _SIZE.fullmatch(size) is None:
            raise ValueError(f"expected the number of entries in line 2, got {size[:30]!r}")
        checkpoint = Checkpoint(require_origin(origin), int(size), _base64(root, HASH_BYTES))
        return cls(checkpoint, tuple(_signature(line) for line in tail[:-1].split("\n")))


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key whose signatures under notes are looked for (2)."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """What tells it from other keys of its name."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[
            :_KEY_ID_BYTES
        ]

    def __str__(self) -> str:
        """Return the form that tools of C2SP take: name, id, kind and key."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Read ``NAME+ID+KEY``.

        Raises:
            ValueError: it has another form, or its id is not this key's.
        """
        name, first, rest = text.strip().partition("+")
        told, second, key = rest.partition("+")
        if not first or not second:
            raise ValueError(f"expected a key NAME+ID+BASE64, got {text[:60]!r}")
        raw = _base64(key, 1 + _KEY_BYTES)
        if raw[:1] != _ED25519:
            raise ValueError(f"expected an ed25519 key, kind 1, got kind {raw[0]}")
        found = cls(require_origin(name), raw[1:])
        if found.id.hex() != told:
            raise ValueError(f"the key {name!r} is not the one its id {told[:20]!r} is of")
        return found


def require_origin(text: str) -> str:
    """Return ``text`` if a ledger can be called so.

    Raises:
        ValueError: it cannot.
    """
    if len(text) > ORIGIN_LENGTH_MAX or _ORIGIN.fullmatch(text) is None:
        raise ValueError(
            f"expected a ledger's origin such as ledger.example.com/prod, got {text[:60]!r}"
        )
    return text


def _signature(line: str) -> NoteSignature:
    found = _SIGNED.fullmatch(line)
    if found is None:
        raise ValueError(f"expected a signature '— NAME BASE64', got {line[:60]!r}")
    try:
        raw = base64.b64decode(found[2], validate=True)
    except ValueError:  # of base64, or no ASCII at all
        raise ValueError("a signature is not base64") from None
    if len(raw) <= _KEY_ID_BYTES or base64.b64encode(raw).decode() != found[2]:
        raise ValueError("a signature is not base64 of a key's id and more")
    return NoteSignature(found[1], raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])


def _base64(text: str, size: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(f"expected base64, got {text[:60]!r}") from None
    if len(raw) != size or base64.b64encode(raw).decode() != text:  # (1) one text
        raise ValueError(f"expected base64 of {size} bytes, got {len(raw)}")
    return raw
