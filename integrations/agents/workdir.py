"""The private directory of one attempt, and the files an agent leaves in it.

1. It is made for one attempt, mode 0700, and removed afterwards whatever the agent did to it:
   modes, depth beyond any path length, endless names.
2. An artifact is a regular file below it, reached without symbolic links or ``..``, with no
   second name (a hard link may be somebody else's file), at most ``ARTIFACT_BYTES_MAX``. What
   leads out of the directory is an escape; what only leads about inside it breaks the contract.
3. An artifact that holds a secret is refused: a changed file would be a broken one.
4. Its name holds the pid of the worker, so that what a killed worker left can be told from
   what a living one uses.
5. An artifact cannot take the name of an output of the engine.
6. The agent may have had the directory on a disk of its own, see ``private_disk``. What it
   announced is copied from there once it was checked, and nothing else ever reaches our disk.
7. Of several workers that start at once, one removes what a killed one left. What cannot be
   removed keeps nobody from starting, and is removed by a later sweep.

Nothing here may run while the agent's processes live: what is checked must stay as it is.
"""

from __future__ import annotations

import itertools
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from dsl.limits import AGENT_ARTIFACTS_MAX, ARTIFACT_BYTES_MAX
from integrations.agents.contract.protocol import (
    ARTIFACT_NAME,
    LEAK,
    MEDIA_TYPE,
    RESERVED,
    AgentError,
    Artifact,
    broken,
    escaped,
)
from integrations.redaction import Redactor

_KEPT: Final = "announced"
_LINKS_MAX: Final = 40  # as the kernel has it
_NAMES_SEARCHED_MAX: Final = 10_000  # for the other name of a file


@contextmanager
def workdir(parent: Path | None = None) -> Iterator[Path]:
    """Make a private directory (with ``tmp`` in it) and remove it at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"mandate-{os.getpid()}-", dir=parent)).resolve()
    try:
        (path / "tmp").mkdir(mode=0o700)
        yield path
    finally:
        _remove(path)


def sweep(parent: Path | None = None) -> int:
    """Remove what workers left that were killed; return how many directories that were (4)."""
    return sum(_swept(path) for path in (parent or Path(tempfile.gettempdir())).glob("mandate-*-*"))


def _swept(path: Path) -> bool:
    pid = path.name.split("-")[1]
    if not pid.isdigit() or Path("/proc", pid).exists():
        return False
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            return False
        taken = path.with_name(f"mandate-{os.getpid()}-swept-{secrets.token_hex(8)}")
        _remove(path.rename(taken))  # (7) whoever renames it first
    except OSError:
        return False
    return True


class _Place(NamedTuple):
    """A private directory: what the agent called it, and where it is found now."""

    name: Path
    found_in: Path

    def real(self, path: PurePosixPath) -> Path:
        """Return where something is found that the agent called so."""
        inside = self.name in Path(path).parents
        return self.found_in / path.relative_to(self.name) if inside else Path(path)


def collect(
    directory: Path,
    messages: Iterable[Mapping[str, Any]],
    redact: Redactor,
    *,
    found_in: Path | None = None,
    lenient: bool = False,
) -> tuple[Artifact, ...]:
    """Check the artifacts an agent announced, in its order.

    ``found_in`` is where its files are when they are not in ``directory``, as the agent saw it:
    those that it announced are then copied there, for they will not stay (6). ``lenient`` leaves
    out what is refused.

    Raises:
        AgentError: of kind ``protocol`` or ``escape`` (2), or ``leak`` (3).
    """
    place = _Place(directory, found_in or directory)
    found: dict[str, Artifact] = {}
    for message in messages:
        try:
            artifact = _collected(place, message, redact, found)
        except AgentError:
            if not lenient:
                raise
            continue
        if found_in is not None:
            kept = _kept(directory, artifact.name, artifact.path.read_bytes())
            artifact = replace(artifact, path=kept)
        found[artifact.name] = artifact
    return tuple(found.values())


def _collected(
    place: _Place, message: Mapping[str, Any], redact: Redactor, found: Mapping[str, Artifact]
) -> Artifact:
    artifact = _artifact(place, message)
    if artifact.name in found:
        raise broken(f"artifact {artifact.name!r} is announced twice")
    if len(found) == AGENT_ARTIFACTS_MAX:
        raise broken(f"more than {AGENT_ARTIFACTS_MAX} artifacts")
    if redact.found_in(artifact.path.read_bytes()):
        raise AgentError(  # (3) a changed file would be a broken one
            LEAK, f"artifact {artifact.name!r} holds a secret of the agent", retryable=False
        )
    return artifact


def _kept(directory: Path, name: str, data: bytes) -> Path:
    """Write what an agent announced where it stays until the end of the attempt (6)."""
    path = directory / _KEPT / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(data)
    return path


def _artifact(place: _Place, message: Mapping[str, Any]) -> Artifact:
    name, path = message.get("name"), message.get("path")
    media_type = message.get("media_type", "application/octet-stream")
    if not isinstance(name, str) or not ARTIFACT_NAME.fullmatch(name):
        raise broken(f"artifact name {str(name)[:80]!r} must match {ARTIFACT_NAME.pattern}")
    if RESERVED.fullmatch(name):  # (5) the engine's own names, and what looks like them
        raise broken(f"artifact name {name!r} is reserved for the engine: choose another")
    if not isinstance(media_type, str) or not MEDIA_TYPE.fullmatch(media_type):
        raise broken(f"artifact {name!r}: {str(media_type)[:80]!r} is no media type")
    if not isinstance(path, str) or not path or "\0" in path:
        raise broken(f"artifact {name!r} needs a path inside the private directory")
    file, size = _inside(place, name, PurePosixPath(path))
    return Artifact(name, file, media_type, size)


def _inside(place: _Place, name: str, relative: PurePosixPath) -> tuple[Path, int]:
    if relative.is_absolute() or ".." in relative.parts:
        if not _is_inside(place, relative):
            raise escaped(f"artifact {name!r}: {str(relative)[:80]!r} leaves the private directory")
        raise broken(
            f"artifact {name!r}: {str(relative)[:80]!r} must be a path from the private directory "
            "on, without '..'"
        )
    path = place.found_in
    try:
        for part in relative.parts:
            path /= part
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                fault = broken if _is_inside(place, relative) else escaped
                raise fault(f"artifact {name!r}: {str(relative)[:80]!r} is behind a symbolic link")
        status = path.lstat()
    except OSError as error:
        raise broken(f"artifact {name!r}: {error.strerror}: {str(relative)[:80]!r}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        fault = escaped if _is_linked_out(place.found_in, status) else broken
        raise fault(f"artifact {name!r} must be a regular file with one name")
    if status.st_size > ARTIFACT_BYTES_MAX:
        raise broken(
            f"artifact {name!r} has {status.st_size} bytes, allowed are {ARTIFACT_BYTES_MAX}"
        )
    return path, status.st_size


def _is_inside(place: _Place, relative: PurePosixPath) -> bool:
    """Tell whether it leads, links followed as the agent saw them, to somewhere in the place."""
    here = PurePosixPath("/")
    left = list(reversed((place.name / relative).parts[1:]))
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            here = here.parent
            continue
        there = here / part
        try:
            target = PurePosixPath(place.real(there).readlink())
        except OSError:  # no link, or nothing
            here = there
            continue
        links += 1
        if links > _LINKS_MAX:
            break
        here = PurePosixPath("/") if target.is_absolute() else here
        left += reversed(target.parts[target.is_absolute() :])
    return here.is_relative_to(place.name)


def _is_linked_out(directory: Path, file: os.stat_result) -> bool:
    """Tell whether a regular file has a name outside of ``directory``.

    Where not all names can be looked at, it is not held against the agent.
    """
    left = file.st_nlink if stat.S_ISREG(file.st_mode) else 0
    pending, searched = [directory], 0
    try:
        while left and pending:
            with os.scandir(pending.pop()) as entries:
                found = list(itertools.islice(entries, _NAMES_SEARCHED_MAX))
            searched += len(found)
            if searched >= _NAMES_SEARCHED_MAX:
                return False
            for entry in found:
                left -= os.path.samestat(entry.stat(follow_symlinks=False), file)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(Path(entry.path))
    except OSError:
        return False
    return left > 0


def _remove(root: Path) -> None:
    """Remove a tree without recursion and without long paths (1).

    ``shutil.rmtree`` gives up beyond the interpreter's recursion limit and holds one file
    descriptor a level. Here each directory found is moved up to the root before it is emptied.
    """
    if root.is_symlink():
        root.unlink()
        return
    prefix = secrets.token_hex(8)  # a name the agent cannot have taken
    moved = 0
    pending = [root]
    while pending:
        directory = pending.pop()
        directory.chmod(0o700)
        with os.scandir(directory) as entries:
            children = [
                (Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries
            ]
        for child, is_directory in children:
            if not is_directory:
                child.unlink()
                continue
            child.chmod(0o700)  # else it cannot be moved
            moved += 1
            pending.append(child.rename(root / f"{prefix}-{moved}"))
        if directory != root:
            directory.rmdir()
    root.rmdir()
