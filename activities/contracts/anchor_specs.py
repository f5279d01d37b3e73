"""What is said to ``LedgerAnchor``, the workflow that keeps signed notes of the ledger.

A part of ``activities.contracts``, under the same rules, in a file of its own.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from dsl.core import Value
from dsl.rules.ledger.note import NOTE_BYTES_MAX, ORIGIN_LENGTH_MAX, ORIGIN_PATTERN
from dsl.rules.run import reserved

LEDGER_ANCHOR_WORKFLOW: Final = reserved.LEDGER_ANCHOR
PUBLISH: Final = "publish"  # the update
MEMO: Final = "notes"  # of the workflow: what it keeps, to be read without a worker
NOTES_KEPT: Final = 20
KEYS_MAX: Final = 10
KEY_LENGTH_MAX: Final = 400

_Note = Annotated[str, Field(max_length=NOTE_BYTES_MAX)]
_Key = Annotated[str, Field(max_length=KEY_LENGTH_MAX)]


class AnchorNote(Value):
    """One note to be kept, and the keys by which it is found to be signed."""

    note: _Note
    keys: tuple[_Key, ...] = Field(default=(), max_length=KEYS_MAX)


class AnchorHeld(Value):
    """What an anchor keeps, the newest note last; also what its workflow begins with."""

    origin: str = Field(pattern=f"^{ORIGIN_PATTERN}$", max_length=ORIGIN_LENGTH_MAX)
    notes: tuple[_Note, ...] = Field(default=(), max_length=NOTES_KEPT)
    keys: tuple[_Key, ...] = Field(default=(), max_length=KEYS_MAX)
