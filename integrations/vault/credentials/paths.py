"""References to secrets: ``mount/path#field``, as pipelines declare them.

The HTTP client resolves ``..`` before it sends, so a path from a document could name any path
of Vault and the server would never see the dots. Every part is therefore checked here, before
anything is sent.

1. A reference has a mount of one part, a path of at least one, and one field.
2. A part begins with a letter or digit and holds only letters, digits, ``_``, ``.`` and ``-``;
   ``.`` and ``..`` are no parts, nor is anything percent-encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from integrations.errors import DeniedError

REFERENCE_LENGTH_MAX: Final = 512
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """One field of one secret."""

    mount: str
    path: str
    field: str

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """Read ``mount/path#field``.

        Raises:
            DeniedError: it is no such reference.
        """
        place, _, field = text.partition("#")
        mount, *path = place.split("/")
        parts = (mount, *path, field)
        if not path or len(text) > REFERENCE_LENGTH_MAX or not all(map(_PART.fullmatch, parts)):
            raise DeniedError(
                f"not a reference to a secret: {text[:REFERENCE_LENGTH_MAX]!r}: expected "
                "mount/path#field, each part of letters, digits, '_', '.', '-' and beginning "
                "with a letter or digit"
            )
        return cls(mount, "/".join(path), field)

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}#{self.field}"
