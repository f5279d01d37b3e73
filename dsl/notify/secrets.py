"""Where a secret of this site lies: in a file, or in Vault. Never what it is.

1. A field ``<name>_file`` names a file by an absolute path, ``<name>_vault`` a field of a secret in
   Vault, ``kv-notify/slack#token``. Of one secret it is one of the two.
2. In Vault it lies below ``kv-notify``: who tells people reads there, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from pydantic import Field

from dsl.stages.stage import Document

SECRETS_MOUNT: Final = "kv-notify"
SecretFile = Annotated[str, Field(pattern=r"^/[^\x00]{1,1023}$")]
_PART: Final = "[A-Za-z0-9][A-Za-z0-9_.-]{0,127}"
VaultSecret = Annotated[
    str, Field(pattern=f"^{SECRETS_MOUNT}(/{_PART})+#{_PART}$", max_length=512)  # (2) nowhere else
]


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """Where one secret lies (1)."""

    file: str | None = None
    vault: str | None = None

    def __str__(self) -> str:
        return f"{self.vault} of vault" if self.vault else str(self.file)


class HoldsSecrets(Document):
    """A part of the file that names secrets."""

    SECRETS: ClassVar[tuple[str, ...]] = ()
    OPTIONAL_SECRETS: ClassVar[tuple[str, ...]] = ()

    def secret(self, name: str) -> SecretPlace:
        """Return where a secret lies that is named."""
        found = self.optional_secret(name)
        assert found is not None, name  # noqa: S101  # the file was checked
        return found

    def optional_secret(self, name: str) -> SecretPlace | None:
        """Return where a secret lies; None: none is named."""
        file, vault = getattr(self, f"{name}_file"), getattr(self, f"{name}_vault")
        return SecretPlace(file, vault) if file or vault else None

    def mistaken_secrets(self) -> Iterator[str]:
        """Yield what is wrong with what is named: one sentence for each secret."""
        for name in (*self.SECRETS, *self.OPTIONAL_SECRETS):
            given = [getattr(self, f"{name}_{kind}") is not None for kind in ("file", "vault")]
            if all(given) or (name in self.SECRETS and not any(given)):
                got = "both" if all(given) else "none"
                yield f"expected {name}_file or {name}_vault, one of the two, and got {got}"
