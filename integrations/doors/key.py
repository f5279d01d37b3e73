"""The key of a door's word: shared by who serves doors and the ledger's worker alone.

1. It is a file of at least ``KEY_BYTES_MIN`` bytes, read anew for each use: it can be replaced.
2. What is signed names run, gate, opening, digests and decision: a signature is harmless where it
   can be read. The key is not: whoever has it votes for any account that the operator's file names,
   at gates that take that service's word.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Final

from integrations.errors import DeniedError
from integrations.notify.secret_files import read_secret

KEY_BYTES_MIN: Final = 32
_PREFIX: Final = "door:v1:"


class DoorKey:
    """Signs and checks."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def sign(self, message: bytes) -> str:
        """Return the signature over ``message``.

        Raises:
            DeniedError: there is no key.
        """
        signed = hmac.new(self._key(), message, hashlib.sha256).digest()
        return _PREFIX + base64.b64encode(signed).decode()

    def is_signed(self, message: bytes, signature: str) -> bool:
        """Tell whether that is the signature over ``message``.

        Raises:
            DeniedError: there is no key.
        """
        # As bytes: what is no ASCII is another signature, and no error.
        return hmac.compare_digest(self.sign(message).encode(), signature.encode(errors="replace"))

    def _key(self) -> bytes:
        key = read_secret(str(self._file)).encode()
        if len(key) < KEY_BYTES_MIN:
            raise DeniedError(
                f"the key in {self._file} has {len(key)} bytes, and {KEY_BYTES_MIN} is the least: "
                "make one with: openssl rand -hex 32"
            )
        return key


def door_key_of(file: Path | None) -> DoorKey | None:
    """Return the key in a file; None: no file is named."""
    return None if file is None else DoorKey(file)
