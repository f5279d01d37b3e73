"""Demo logins of the embedded stack, so that a gate with proven voters can be tried at once.

1. Only in an OpenBao of our own, never on a server of the caller's.
2. The passwords are generated, made once and kept in ``people.json`` of the data directory, which
   no agent may read; they stand in no argument, variable or log.
3. The groups are for trying, too: ``sre`` is asked in the README, ``council`` where several people
   must agree.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Final

from mandate.stack.errors import StackError
from mandate.stack.files import write_private
from mandate.stack.servers.openbao import OpenBao

PEOPLE_FILE: Final = "people.json"
NAMES: Final = ("ann", "bob", "cyd")
GROUPS: Final = {"sre": ("ann", "bob"), "council": NAMES}
PASSWORD_BYTES: Final = 18


def passwords(data_dir: Path) -> dict[str, str]:
    """Return the passwords by name, making those that are missing (2).

    Raises:
        StackError: the file cannot be read.
    """
    path = data_dir / PEOPLE_FILE
    kept = _read(path)
    made = {name: kept.get(name) or secrets.token_urlsafe(PASSWORD_BYTES) for name in NAMES}
    everybody = {**kept, **made}
    if everybody != kept:
        write_private(path, json.dumps(everybody, indent=2) + "\n")
    return made


async def make_ready(bao: OpenBao, data_dir: Path) -> Path:
    """Make the demo logins known to our OpenBao; return the file with their passwords.

    Raises:
        StackError: OpenBao does not let us.
    """
    # Late, as in mandate.stack.servers.vault: the client library is loaded while servers start.
    from integrations.errors import IntegrationError  # noqa: PLC0415
    from integrations.vault.client import Vault  # noqa: PLC0415
    from integrations.vault.people.demo_people import make_people  # noqa: PLC0415

    vault = Vault(bao.url)
    try:
        await make_people(vault, bao.installer_token(), passwords(data_dir), GROUPS)
    except IntegrationError as error:
        raise StackError(f"the demo logins cannot be made: {error}") from error
    finally:
        vault.close()
    return data_dir / PEOPLE_FILE


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StackError(
            f"cannot read {path} ({type(error).__name__}): remove it, and new passwords are made"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise StackError(f"{path} holds no passwords by name: remove it, and new ones are made")
    return found
