"""Role files: how the workers of a task queue log in to Vault.

1. One file per queue, ``<queue>.json``, that only its owner may read, in such a directory.
2. A file is replaced whole: a reader finds the old one or the new one.
3. A file is filed wrapped where others carry it to its worker: it holds a token that can be
   exchanged for the secret id once, and soon. The worker replaces it by what it got.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.values import strict_json
from integrations.errors import DeniedError

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_ROLE_BYTES_MAX: Final = 64 << 10
_ROLE: Final = "role_id"
_SECRET: Final = "secret_id"  # noqa: S105  # a key
_WRAPPED: Final = "wrapped_secret_id"


@dataclass(frozen=True, slots=True, repr=False)
class WorkerRole:
    """What an AppRole login takes; the secret id is a secret and not printed."""

    role_id: str
    secret_id: str


@dataclass(frozen=True, slots=True, repr=False)
class WrappedRole:
    """A role whose secret id must be unwrapped first (3); the token is a secret, too."""

    role_id: str
    token: str


def role_file(roles_dir: Path, queue: str) -> Path:
    """Return where the workers of ``queue`` find their role."""
    return roles_dir / f"{queue}.json"


def read_role(file: Path) -> WorkerRole | WrappedRole:
    """Read a role file.

    Raises:
        DeniedError: there is none, or it is none.
    """
    try:
        content = strict_json.read(file.read_bytes(), bytes_max=_ROLE_BYTES_MAX)
        if _WRAPPED in content:
            return WrappedRole(role_id=str(content[_ROLE]), token=str(content[_WRAPPED]))
        return WorkerRole(role_id=str(content[_ROLE]), secret_id=str(content[_SECRET]))
    except OSError as error:
        raise DeniedError(
            f"cannot read the role file {file}: {error.strerror}: MANDATE_VAULT_ROLES names the "
            "directory, `mandate install --token-file FILE` files the roles in it"
        ) from None
    except (ValueError, KeyError, TypeError):
        # The cause would quote the content.
        raise DeniedError(
            f"not a role file: {file}: expected JSON with {_ROLE}, and {_SECRET} or {_WRAPPED}"
        ) from None


def require_roles(roles_dir: Path, identities: Iterable[str]) -> None:
    """Check that every one of the role files is there and is one; asks no server.

    Raises:
        DeniedError: one is not.
    """
    for identity in identities:
        read_role(role_file(roles_dir, identity))


def is_wrapped(file: Path) -> bool:
    """Tell whether a role lies there that is to be unwrapped (3)."""
    try:
        return isinstance(read_role(file), WrappedRole)
    except DeniedError:
        return False  # whoever logs in with it says what is wrong


def write_role(file: Path, role: WorkerRole | WrappedRole) -> None:
    """Write a role file, and its directory if need be (1)."""
    secret = {_WRAPPED: role.token} if isinstance(role, WrappedRole) else {_SECRET: role.secret_id}
    file.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    file.parent.chmod(_DIRECTORY_MODE)
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump({_ROLE: role.role_id, **secret}, out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)  # (2) the old one or the new one
