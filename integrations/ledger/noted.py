"""A head that somebody noted: place and hash of an entry, kept where no worker can write.

A chain proves nothing of its end, and nothing to who holds no earlier hash of it: whoever can
write to the file can cut it off, or write it anew from some entry on, and it verifies. A head on
paper shows both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(r"(0|[1-9][0-9]{0,17}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class NotedHead:
    """What the ledger ended with at some time."""

    seq: int
    hash: str  # hexadecimal

    def __str__(self) -> str:
        """Return the form that ``parse`` takes."""
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> NotedHead:
        """Read ``SEQ:HASH``, as ``mandate ledger verify`` prints it.

        A part of a hash is refused: one is found again by trying.

        Raises:
            ValueError: it has another form.
        """
        found = _FORM.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError(
                "expected SEQ:HASH with all 64 digits of the hash, as `mandate ledger verify` "
                f"prints it after 'head', got {text[:100]!r}"
            )
        return cls(int(found[1]), found[2])
