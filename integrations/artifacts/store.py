"""Artefacts by content: the name of a file is the digest of its bytes.

History and ledger carry digests, and history the heads of what gates show; the bytes are here.
Calls block on the disk: a caller on an event loop uses a thread. The rules:

1. A digest is checked by form before a path is made of it.
2. An artefact appears whole or not at all: written aside, synced, renamed, directory synced. Bytes
   that this process has put before, and that are there still, are not written again.
3. Bytes are hashed again whenever they are handed out. A file that no longer matches its name
   is refused and left for people to look at; putting the right bytes again replaces it.
4. A copy is hashed after it was made, from the copy: what is used is what was checked.
5. Only regular files are taken in, and none through a symbolic link as its last component.
   Whether the directories before it may be trusted is the caller's to know.
6. What a crash leaves in ``incoming/`` is never read.
7. Files of agents leave free what the ledger keeps; the engine's own words do not wait for that.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dsl.limits import ARTIFACT_BYTES_MAX
from dsl.values.canonical import DIGEST_PATTERN
from integrations.errors import (
    ConflictError,
    CorruptError,
    DeniedError,
    IntegrationError,
    NotFoundError,
    UnavailableError,
)
from integrations.room import require_room

MEDIA_TYPE: Final = "application/octet-stream"

_DIGEST = re.compile(DIGEST_PATTERN)
_CHUNK_BYTES: Final = 1 << 20
_DIRECTORY_MODE: Final = 0o700
_KEPT_MODE: Final = 0o400
_COPY_MODE: Final = 0o600
# Not blocking: opening a pipe nobody writes to would wait for ever.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PREFIX: Final = "sha256:"
_REMEMBERED_MAX: Final = 10_000  # digests
_FAN_OUT: Final = 2  # hexadecimal digits that name the directory


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """Where the bytes of an output are found again."""

    digest: str  # "sha256:<64 hex>"
    size: int  # bytes
    media_type: str


class Artifacts:
    """The store under ``root``; any number of processes may share it."""

    def __init__(
        self, root: Path, watch: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        """Make the directories that are missing, for their owner alone.

        ``watch`` makes the context of whatever is done on the disk, which sees how it ends.

        Raises:
            DeniedError, UnavailableError: they cannot be made.
        """
        self._root = root.resolve()
        self._watch = watch
        self._incoming = self._root / "incoming"
        self._put: dict[str, None] = {}  # digests, oldest first
        self._synced: set[Path] = set()  # directories that are durable
        with _os_faults(self._incoming):
            self._root.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._incoming.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)

    def put(self, data: bytes, media_type: str = MEDIA_TYPE) -> StoredArtifact:
        """Keep ``data``; harmless when repeated.

        Raises:
            DeniedError: more than ``ARTIFACT_BYTES_MAX`` bytes.
            UnavailableError: the disk is full or failing.
        """
        _require_size(len(data))
        known = self.known(data, media_type)
        if known is not None:
            return known
        with self._watch():
            kept = self._keep(iter((data,)), media_type)
        self._put[kept.digest] = None
        if len(self._put) > _REMEMBERED_MAX:
            self._put.pop(next(iter(self._put)), None)
        return kept

    def known(self, data: bytes, media_type: str = MEDIA_TYPE) -> StoredArtifact | None:
        """Return what ``put`` would, where that writes nothing (2); None: it has to be put.

        It reads as many bytes as it is given: what is small needs no thread for that.
        """
        digest = _PREFIX + hashlib.sha256(data).hexdigest()
        if digest in self._put and self._is_whole(digest):  # (2) put before, and there still
            return StoredArtifact(digest, len(data), media_type)
        return None

    def put_file(self, path: Path, media_type: str = MEDIA_TYPE) -> StoredArtifact:
        """Keep the present content of the file at ``path`` (5); harmless when repeated.

        Raises:
            NotFoundError: there is no such file.
            DeniedError: a link, not a regular file, not readable, or too large.
            UnavailableError: the disk is full but for what is kept free (7), or failing.
        """
        with self._watch():
            require_room(self._root, "an agent's files")
            with _opened(path) as descriptor:
                return self._keep(_chunks(descriptor), media_type)

    def get(self, digest: str) -> bytes:
        """Return the bytes of ``digest``, hashed again (3).

        Raises:
            NotFoundError: the store has no such artefact.
            CorruptError: the stored bytes are not the ones that were put.
            DeniedError: ``digest`` is none.
        """
        with self._watch(), _opened(self._place(digest)) as descriptor:
            data = b"".join(_chunks(descriptor))
        _require_match(digest, hashlib.sha256(data).hexdigest())
        return data

    def copy_to(self, digest: str, target: Path) -> int:
        """Copy the artefact to ``target``, which must not exist; return its size in bytes.

        Raises:
            ConflictError: there is something at ``target``.
            NotFoundError, CorruptError, DeniedError: as ``get``; nothing is left at ``target``.
            UnavailableError: the disk is full or failing.
        """
        with (
            self._watch(),
            _opened(self._place(digest)) as source,
            _made(target, _COPY_MODE) as copy,
        ):
            size = sum(_write(copy, chunk) for chunk in _chunks(source))
            os.lseek(copy, 0, os.SEEK_SET)
            hashed = hashlib.sha256()
            for chunk in _chunks(copy):  # (4) hashed after it was made
                hashed.update(chunk)
            _require_match(digest, hashed.hexdigest())
        return size

    def require_writable(self) -> None:
        """Make sure that something could be put now.

        Raises:
            UnavailableError: the disk is full but for what is kept free (7), or failing.
        """
        require_room(self._root, "an agent's files")
        aside = self._incoming / secrets.token_hex(16)
        with _made(aside, _COPY_MODE):
            pass
        aside.unlink()

    def _is_whole(self, digest: str) -> bool:
        """Tell whether the bytes of ``digest`` are there (3)."""
        try:
            self.get(digest)
        except IntegrationError:
            return False
        return True

    def _place(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):  # (1) by form, before it is a path
            raise DeniedError(f"expected a digest sha256:<64 hex>, got {digest[:100]!r}")
        name = digest.removeprefix(_PREFIX)
        return self._root / name[:_FAN_OUT] / name

    def _keep(self, chunks: Iterator[bytes], media_type: str) -> StoredArtifact:
        aside = self._incoming / secrets.token_hex(16)
        hashed, size = hashlib.sha256(), 0
        with _made(aside, _COPY_MODE) as descriptor:
            for chunk in chunks:
                size += _write(descriptor, chunk)
                hashed.update(chunk)
            os.fchmod(descriptor, _KEPT_MODE)
            os.fsync(descriptor)
            digest = _PREFIX + hashed.hexdigest()
            self._move_in(aside, self._place(digest))
        return StoredArtifact(digest, size, media_type)

    def _move_in(self, aside: Path, place: Path) -> None:
        if place.parent not in self._synced or not place.parent.is_dir():
            place.parent.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        # Also over an equal file: whoever put that one may have died before it was durable.
        aside.rename(place)
        sync_directory(place.parent)
        if place.parent not in self._synced:  # likewise, once for each process
            sync_directory(self._root)
            self._synced.add(place.parent)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with _os_faults(path):
        descriptor = os.open(path, _READ)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):  # (5) regular files only
                raise DeniedError(f"{path.name} is not a regular file")
            _require_size(status.st_size)
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def _made(path: Path, mode: int) -> Iterator[int]:
    """Make a file that disappears again when the body fails."""
    with _os_faults(path):
        descriptor = os.open(path, _WRITE, mode)
        try:
            yield descriptor
        except BaseException:
            with suppress(OSError):  # the cause is told
                path.unlink()
            raise
        finally:
            os.close(descriptor)


def _chunks(descriptor: int) -> Iterator[bytes]:
    size = 0
    while chunk := os.read(descriptor, _CHUNK_BYTES):
        size += len(chunk)
        _require_size(size)  # the file may grow while it is read
        yield chunk


def _write(descriptor: int, data: bytes) -> int:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    return len(data)


def _require_size(size: int) -> None:
    if size > ARTIFACT_BYTES_MAX:
        raise DeniedError(
            f"the artefact has more than {ARTIFACT_BYTES_MAX} bytes, the limit: split it, or "
            "put it elsewhere and hand over a reference"
        )


def _require_match(digest: str, found: str) -> None:
    if digest != _PREFIX + found:  # (3) hashed again
        raise CorruptError(f"artefact {digest} no longer matches its digest, got {_PREFIX}{found}")


def sync_directory(path: Path) -> None:
    """Have the names in a directory reach the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _os_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no {path.name} in {path.parent}") from error
    except FileExistsError as error:
        raise ConflictError(f"{path} exists already: copy to a fresh directory") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DeniedError(
                f"{path.name} is a symbolic link: hand over the file itself"
            ) from None
        if error.errno == errno.ENXIO:
            raise DeniedError(f"{path.name} is not a regular file") from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise DeniedError(f"no permission for {path}: {error.strerror}") from error
        raise UnavailableError(f"cannot use {path}: {error.strerror}") from error
