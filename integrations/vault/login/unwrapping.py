"""Taking a role that was handed over wrapped: once, and so that a theft is noticed.

The installer files a wrapping token in the place of the secret id. Whoever unwraps it first has
the role; whoever comes second learns that.

1. Looked up before it is spent: it must wrap a secret id of this identity's own role.
2. The file is written before and after: a secret id that cannot be kept would be lost, so what
   cannot be written is found out while the token is still good.
3. One at a time on one directory: a second process that shares it finds the role unwrapped.
4. A worker takes all of its roles when it starts. It may not need some of them for weeks, and a
   wrapped one is good for minutes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hvac
from hvac import exceptions as theirs

from integrations.errors import CorruptError, DeniedError
from integrations.vault import naming
from integrations.vault.client import Vault, data_of
from integrations.vault.login.roles import (
    WorkerRole,
    WrappedRole,
    is_wrapped,
    read_role,
    role_file,
    write_role,
)


async def take_roles(vault: Vault, roles_dir: Path, queue: str) -> None:
    """Take every role of the worker of ``queue`` that is still wrapped (4).

    Raises:
        DeniedError: one of them was taken before, has ended, or cannot be kept.
        UnavailableError: Vault does not answer; nothing more is taken.
    """
    for identity in naming.identities_of(queue):
        file = role_file(roles_dir, identity)
        if is_wrapped(file):
            await vault.run(take_role, vault.client, file, identity)


def take_role(anonymous: Callable[[], hvac.Client], file: Path, identity: str) -> WorkerRole:
    """Unwrap the role in ``file`` and keep it there; blocking, and not to be broken off.

    Args:
        anonymous: returns a new client without a token.
        file: a role file, which may have been unwrapped meanwhile (3).
        identity: one of ``naming.IDENTITIES``.

    Raises:
        DeniedError: it was used before, has ended, wraps something else, or cannot be replaced.
    """
    with _alone(file):
        role = read_role(file)
        if isinstance(role, WorkerRole):  # (3) somebody of ours was faster
            return role
        _keep(file, role)  # (2) can it be kept? found out before
        taken = WorkerRole(role.role_id, _unwrapped(anonymous, role, file, identity))
        _keep(file, taken)
        return taken


def _unwrapped(
    anonymous: Callable[[], hvac.Client], role: WrappedRole, file: Path, identity: str
) -> str:
    expected = naming.secret_id_path(identity)
    try:
        wraps = data_of(
            anonymous().adapter.post("/v1/sys/wrapping/lookup", json={"token": role.token})
        )["creation_path"]
        if wraps != expected:  # (1) of this identity's own role
            raise DeniedError(
                f"the role file {file} wraps {wraps!r}, expected {expected!r}: it was made for "
                "somebody else; install again"
            )
        holder = anonymous()
        holder.token = role.token
        secret_id = data_of(holder.adapter.post("/v1/sys/wrapping/unwrap")).get("secret_id")
    except (theirs.InvalidRequest, theirs.Forbidden):
        raise DeniedError(
            f"the wrapped role in {file} was used before or has ended: somebody may have taken "
            "it; install again, which makes the taken one useless"
        ) from None
    if not isinstance(secret_id, str):
        raise CorruptError(f"the role file {file} wraps no secret id: install again")
    return secret_id


def _keep(file: Path, role: WorkerRole | WrappedRole) -> None:
    try:
        write_role(file, role)
    except OSError as error:
        raise _not_kept(file, error) from None


def _not_kept(file: Path, error: OSError) -> DeniedError:
    return DeniedError(
        f"the role file {file} is wrapped and cannot be replaced ({error.strerror}): let the "
        "worker write to its directory, and install again"
    )


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with ExitStack() as opened:
        try:
            handle = os.open(file.parent, os.O_RDONLY)
            opened.callback(os.close, handle)  # ends the lock, too
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise _not_kept(file, error) from None
        yield
