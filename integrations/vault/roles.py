"""Role files: how the workers of a task queue log in to Vault.

1. One file per queue, ``<queue>.json``, that only its owner may read, in such a directory.
2. A file is replaced whole: a reader finds the old one or the new one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integrations.errors import DeniedError

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, repr=False)
class WorkerRole:
    """What an AppRole login takes; the secret id is a secret and not printed."""

    role_id: str
    secret_id: str


def role_file(roles_dir: Path, queue: str) -> Path:
    """Return where the workers of ``queue`` find their role."""
    return roles_dir / f"{queue}.json"


def read_role(file: Path) -> WorkerRole:
    """Read a role file.

    Raises:
        DeniedError: there is none, or it is none.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return WorkerRole(role_id=str(content["role_id"]), secret_id=str(content["secret_id"]))
    except OSError as error:
        raise DeniedError(f"cannot read the role file {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        # The cause would quote the content.
        raise DeniedError(
            f"not a role file: {file}: expected JSON with role_id and secret_id"
        ) from None


def write_role(file: Path, role: WorkerRole) -> None:
    """Write a role file, and its directory if need be (1)."""
    file.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    file.parent.chmod(_DIRECTORY_MODE)
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump({"role_id": role.role_id, "secret_id": role.secret_id}, out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)  # (2)
