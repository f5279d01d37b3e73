"""Which agents' processes run on this machine, for every worker process of it to read.

One file for each running agent, in a directory that only this user may enter. It is no record:
what counts is what ``/proc`` says of the processes that are named there. The rules:

1. The file is there before the keeper is told what to start, and gone when it has ended. A worker
   that is killed in between leaves a file about a process that can be looked for.
2. A process is told by its pid and the moment it started, because pids are used again.
3. A file about a process that is gone says nothing, and is swept away. Where its worker is gone as
   well, it is told once more to whoever sweeps: nobody lives by that lock any more.
4. A file that cannot be read might hide a process: nothing is confirmed then. It keeps no worker
   from starting: what is not swept is let go of when its lease ends.
5. Another release may say more of a process; what this one knows of it is read.

Workers share it when they share the user, the temporary directory and the process table.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from integrations.agents.processes.liveness import make_private, refuse_stranger, started
from integrations.errors import CorruptError, UnavailableError

_DRAFT: Final = ".draft"


@dataclass(frozen=True, slots=True)
class Running:
    """One agent's process, by the keeper that ends with it."""

    agent: str
    instance: str
    worker: int  # pid
    keeper: int  # pid
    started: str  # the keeper's, in clock ticks since the machine was started
    worker_started: str = ""
    holder: str = ""  # whose lock keeps everybody else off while it lives
    fence: int = 0


_FIELDS: Final = tuple(each.name for each in fields(Running))


class Roster:
    """The processes of this machine's agents."""

    def __init__(self, parent: Path | None = None) -> None:
        """Prepare it; ``parent`` is where private directories of agents are made."""
        self._folder = (parent or Path(tempfile.gettempdir())) / f"mandate-agents-{os.getuid()}"

    @contextmanager
    def listed(
        self, agent: str, instance: str, holder: str = "", fence: int = 0
    ) -> Iterator[Callable[[int], None]]:
        """List a process of ``agent`` meanwhile; what is returned takes the keeper's pid (1).

        ``holder`` and ``fence``: the lock it lives by.

        Raises:
            DeniedError: the directory is somebody else's.
            UnavailableError: the file cannot be written.
        """
        file = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}"

        def start(keeper: int) -> None:
            since = started(keeper)
            if since is None:  # it has ended already
                return
            worker = os.getpid()
            running = Running(
                agent, instance, worker, keeper, since, started(worker) or "", holder, fence
            )
            self._write(file, running)

        try:
            yield start
        finally:
            for path in (file, file.with_suffix(_DRAFT)):
                with suppress(FileNotFoundError, NotADirectoryError):
                    path.unlink()

    def alive(self, agent: str | None = None) -> list[Running]:
        """Return the processes of ``agent``, or of every agent, that are alive now.

        Raises:
            CorruptError: a file cannot be read (4).
        """
        return [
            running
            for running in filter(None, map(_read, self._files()))
            if agent in (None, running.agent) and _is_alive(running)  # (2) pids are used again
        ]

    def sweep(self) -> list[Running]:
        """Remove what is left of processes that are gone; return those whose worker is, too (3)."""
        gone = [(file, each) for file, each in self._legible() if not _is_alive(each)]
        for file, _ in gone:
            file.unlink(missing_ok=True)
        return [each for _, each in gone if _is_orphan(each)]

    def orphans(self) -> list[Running]:
        """Return the processes that are alive though their worker is gone: they are ending."""
        return [each for _, each in self._legible() if _is_alive(each) and _is_orphan(each)]

    def _write(self, file: Path, running: Running) -> None:
        draft = file.with_suffix(_DRAFT)
        try:
            make_private(self._folder)
            draft.write_text(json.dumps(asdict(running)), encoding="utf-8")
            draft.rename(file)  # whole or not at all
        except OSError as error:
            raise UnavailableError(f"cannot list an agent's process in {file}: {error}") from error

    def _files(self) -> list[Path]:
        if not self._folder.exists():
            return []
        refuse_stranger(self._folder)
        return sorted(file for file in self._folder.iterdir() if file.suffix != _DRAFT)

    def _legible(self) -> Iterator[tuple[Path, Running]]:
        for file in self._files():
            with suppress(CorruptError):  # (4) keeps no worker from starting
                running = _read(file)
                if running is not None:
                    yield file, running


def _read(file: Path) -> Running | None:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        # (5) another release may say more
        return Running(**{name: said[name] for name in _FIELDS if name in said})
    except FileNotFoundError:  # it ended meanwhile
        return None
    except (ValueError, TypeError) as error:
        raise CorruptError(f"{file} does not say which process it is about: remove it") from error


def _is_alive(running: Running) -> bool:
    return started(running.keeper) == running.started


def _is_orphan(running: Running) -> bool:
    return started(running.worker) != running.worker_started
