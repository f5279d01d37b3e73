"""A proof that one entry stands on a ledger: the entry, a signed note, and the way between them.

It is a JSON object that a stranger checks with nothing but the key, see docs/ledger.md. The rules:

1. The entry is there as its canonical text, which is what was hashed. What is told of it besides is
   read from that text, so that nothing can be told that was not hashed.
2. Whatever is wrong with it is told, and nothing of what follows from what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from dsl.rules.ledger.merkle import HASH_BYTES, is_included, leaf_of
from dsl.rules.ledger.note import NOTE_BYTES_MAX, NoteKey, SignedNote
from dsl.values import strict_json
from integrations.errors import CorruptError, NotFoundError, UnavailableError
from integrations.ledger.entries import Content, entry_bytes
from integrations.ledger.lookup import row_at
from integrations.ledger.tree.kept_notes import newest_note
from integrations.ledger.tree.signatures import signer_of
from integrations.ledger.tree.tiles import LedgerTree

KIND: Final = "mandate.ledger.proof/v1"
STEPS_MAX: Final = 64
PROOF_BYTES_MAX: Final = 256 << 10
_FIELDS: Final = frozenset({"kind", "entry", "note", "proof"})


@dataclass(frozen=True, slots=True)
class EntryProof:
    """One entry, proven."""

    entry: str  # its canonical text (1)
    note: str
    steps: tuple[bytes, ...]

    def value(self) -> dict[str, Any]:
        """Return it as JSON."""
        steps = [each.hex() for each in self.steps]
        return {"kind": KIND, "entry": self.entry, "note": self.note, "proof": steps}

    @classmethod
    def of(cls, value: Any) -> Self:
        """Read it from JSON.

        Raises:
            ValueError: it has another form.
        """
        if not isinstance(value, dict) or value.keys() != _FIELDS or value["kind"] != KIND:
            raise ValueError(
                f"expected an object of kind {KIND!r} with {', '.join(sorted(_FIELDS))}"
            )
        steps, texts = value["proof"], (value["entry"], value["note"])
        if not all(isinstance(each, str) for each in texts) or len(value["note"]) > NOTE_BYTES_MAX:
            raise ValueError("expected 'entry' and 'note' to be text")
        if not isinstance(steps, list) or len(steps) > STEPS_MAX:
            raise ValueError(f"expected 'proof' to be at most {STEPS_MAX} hashes")
        return cls(value["entry"], value["note"], tuple(map(_hash, steps)))

    def problems(self, keys: Sequence[NoteKey] | None) -> Iterator[str]:
        """Yield what is wrong with it (2); without keys, signatures are not looked at."""
        try:
            note = SignedNote.parse(self.note)
            told = self.told()
            seq = int(told["seq"])
        except (ValueError, TypeError, KeyError) as error:
            yield f"it cannot be read: {error}"
            return
        known = note.checkpoint
        if keys is not None and signer_of(note, keys) is None:
            yield f"no key that was given has signed the note of {known.origin!r}"
        elif not is_included(leaf_of(self.entry.encode()), seq, known.size, self.steps, known.root):
            yield f"entry {seq} is not one of the {known.size} under the note of {known.origin!r}"

    def told(self) -> Mapping[str, Any]:
        """Return the entry as an object.

        Raises:
            ValueError: it is none.
        """
        value = strict_json.read(self.entry, bytes_max=PROOF_BYTES_MAX)
        if not isinstance(value, dict):
            raise ValueError("the entry is no object")  # noqa: TRY004  # one error for every refusal
        return value


def prove(path: Path, seq: int, tree: LedgerTree | None = None) -> EntryProof:
    """Return the proof of entry ``seq`` under the newest note that the file keeps.

    Raises:
        NotFoundError: there is no such entry or file.
        CorruptError: the file is not what was written.
        UnavailableError: it cannot be read, or no note covers it yet.
    """
    entry = canonical_entry(path, seq)
    text = newest_note(path)
    size = _size_of(text) if text else 0
    if text is None or size <= seq:
        raise UnavailableError(
            f"entry {seq} is under no signed note yet, the newest has {size} entries: one is made "
            "within half a minute while the ledger's worker runs"
        )
    tree = tree or LedgerTree(path)
    if tree.size < size:
        tree.read_on()
    return EntryProof(entry, text, tuple(tree.inclusion(seq, size)))


def prove_many(path: Path, places: Sequence[int], note: SignedNote) -> list[EntryProof]:
    """Return the proofs of these entries under ``note``; errors as ``prove``."""
    tree = LedgerTree(path)
    tree.read_on()
    size, text = note.checkpoint.size, note.text()
    return [
        EntryProof(canonical_entry(path, seq), text, tuple(tree.inclusion(seq, size)))
        for seq in places
    ]


def canonical_entry(path: Path, seq: int) -> str:
    """Return the canonical text of one entry, which is what its hash is of; errors as ``prove``."""
    row = row_at(path, seq)
    if row is None:
        raise NotFoundError(f"the ledger {path} has no entry {seq}; see: mandate ledger tail")
    place, ts, *columns, prev, _ = row
    return entry_bytes(place, ts, Content(*columns), prev).decode()


def _size_of(text: str) -> int:
    try:
        return SignedNote.parse(text).checkpoint.size
    except ValueError as error:
        raise CorruptError(f"the newest note that the file keeps is none: {error}") from None


def _hash(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) != 2 * HASH_BYTES:
        raise ValueError("expected each hash of 'proof' as 64 hexadecimal digits")
    return bytes.fromhex(text)
