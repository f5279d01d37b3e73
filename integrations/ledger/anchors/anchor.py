"""What an anchor is, and what it holds when it is believed.

An anchor keeps signed notes of one ledger. It is asked before anything new is signed: a ledger that
was cut off or written anew is found by what it once was. The rules:

1. What an anchor gives back is anybody's text until a key of ours is found to have signed it.
2. The largest size that is signed is what the ledger has been. Notes that nobody of ours has signed
   are counted and said.
3. An anchor that holds notes and none of ours is no empty one: somebody has written over it, or it
   is another ledger's. It is never taken for new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dsl.rules.ledger.note import NoteKey, SignedNote
from integrations.errors import CorruptError
from integrations.ledger.tree.signatures import signer_of

NOTES_READ_MAX: Final = 20  # of one anchor, the newest; of some, each is a request


@dataclass(frozen=True, slots=True)
class Kept:
    """What an anchor gives back (1)."""

    notes: tuple[str, ...] = ()  # the newest last
    keys: tuple[str, ...] = ()  # which keys it was told to expect


class Anchor(Protocol):
    """One place that keeps notes of one ledger."""

    @property
    def name(self) -> str:
        """What people know it by, and how it is given again."""

    async def read(self) -> Kept:
        """Return what is kept there; nothing where nothing was ever published.

        Raises:
            UnavailableError: it does not answer.
        """

    async def publish(self, note: str, keys: tuple[str, ...]) -> None:
        """Keep a note there, for good as far as the place can; harmless when repeated.

        Raises:
            UnavailableError: it does not answer, or did not take it.
        """


@dataclass(frozen=True, slots=True)
class Believed:
    """What an anchor holds of ours (2)."""

    newest: SignedNote | None  # None: it never held anything
    foreign: int  # notes that none of our keys has signed


def believed(name: str, kept: Kept, keys: Sequence[NoteKey] | None) -> Believed:
    """Return what the notes of an anchor say, as far as they are signed.

    Args:
        name: of the anchor, for the message.
        kept: what it gave back.
        keys: ours; None: nobody knows them now, and every note is taken as it stands.

    Raises:
        CorruptError: it holds notes, and none that our keys have signed (3).
    """
    signed = ours(kept, keys)
    foreign = len(kept.notes) - len(signed)
    if not signed and foreign:
        raise CorruptError(
            f"the anchor {name} holds {foreign} notes and none that the ledger's key has signed: "
            "somebody has written over it, or it keeps another ledger. Look at it, then give this "
            "ledger another origin (MANDATE_LEDGER_ORIGIN) or clear the anchor by hand"
        )
    newest = max(signed, key=lambda note: note.checkpoint.size, default=None)
    return Believed(newest, foreign)


def ours(kept: Kept, keys: Sequence[NoteKey] | None) -> list[SignedNote]:
    """Return the notes that one of our keys has signed; without keys, all that are notes."""
    notes = [note for note in map(_parsed, kept.notes) if note]
    return [note for note in notes if keys is None or signer_of(note, keys)]


def _parsed(text: str) -> SignedNote | None:
    try:
        return SignedNote.parse(text)
    except ValueError:
        return None
