"""One child process: started, watched, started again when it dies, stopped.

1. A child dies with its supervisor (`mandate.stack.launch`) and leads its own session, so that
   Ctrl-C in a terminal reaches the supervisor only, which stops the children in order.
2. Before it was ready once, its death is a failure of the start. After that it is restarted for
   ever, each time after a longer pause up to a limit; a child that stayed up a while starts from
   the shortest pause again.
3. Only pids we started are signalled: SIGTERM, and SIGKILL when its time is over.
4. Output goes to a file, never through a pipe of the supervisor: a slow supervisor must not
   stop a server, and the last words of a child must survive both.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mandate.stack import launch
from mandate.stack.errors import StackError
from mandate.stack.files import FILE_MODE

RESTART_PAUSE_S_MIN = 0.2
RESTART_PAUSE_S_MAX = 5.0
STEADY_S = 30.0
LOG_BYTES_MAX = 16 << 20
LOG_TAIL_LINES = 15
_POLL_S = 0.05

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, how to tell that it serves, and how long it may take to stop."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    ready: Callable[[Child], Awaitable[bool]]
    start_timeout_s: float = 30.0
    stop_timeout_s: float = 10.0


class Child:
    """A supervised process."""

    def __init__(self, command: Command, report: Report) -> None:
        self.command = command
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._was_ready = False
        self._ending = ""
        self._output_from = 0  # where the output of the present process begins in the log

    @property
    def pid(self) -> int | None:
        """The pid of the present process; None between two of them."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    def output(self) -> str:
        """Return what the present process has written so far."""
        if self._process is None:
            return ""  # not what a predecessor of an earlier day wrote
        with self.command.log.open("rb") as log:
            log.seek(self._output_from)
            return log.read().decode("utf-8", "replace")

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            StackError: it died or was not ready in time; it is stopped then.
        """
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.command.name}")
        try:
            async with asyncio.timeout(self.command.start_timeout_s):
                await self._ready_or_dead(self._keeper)
        except TimeoutError:
            await self.stop()
            limit = self.command.start_timeout_s
            raise StackError(self._complaint(f"is not ready after {limit:g} s")) from None
        if self._keeper.done():  # (2) a failure of the start
            raise StackError(self._complaint(f"{self._ending} before it was ready"))
        self._was_ready = True

    async def stop(self) -> None:
        """Stop the process for good; harmless when it never started."""
        self._stopping.set()
        if self._keeper is None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._keeper), self.command.stop_timeout_s)
        except TimeoutError:
            self._signal(signal.SIGKILL)  # (3) its time is over
            await self._keeper

    async def _ready_or_dead(self, keeper: asyncio.Task[None]) -> None:
        while not keeper.done():
            if self.pid is not None and await self.command.ready(self):
                return
            await asyncio.sleep(_POLL_S)

    async def _keep(self) -> None:
        pause = RESTART_PAUSE_S_MIN
        while not self._stopping.is_set():
            started = time.monotonic()
            self._ending = await self._run_once()
            if self._stopping.is_set() or not self._was_ready:  # (2) before it was ready once
                return
            if time.monotonic() - started > STEADY_S:
                pause = RESTART_PAUSE_S_MIN
            self._report(
                f"{self.command.name} {self._ending}; it is started again in {pause:g} s "
                f"(log: {self.command.log})"
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, RESTART_PAUSE_S_MAX)

    async def _run_once(self) -> str:
        """Run one process to its end and say how it ended."""
        try:
            process = await self._spawn()
        except OSError as error:  # no memory, say: as good as a death
            return f"could not be started ({error.strerror})"
        if self._stopping.is_set():  # stopped while it was being made
            self._signal(signal.SIGTERM)
        code = await process.wait()
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    async def _spawn(self) -> asyncio.subprocess.Process:
        command = self.command
        # (1) it dies with us
        launcher = (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()))
        log = _open_log(command.log)  # (4) a file, never a pipe
        try:
            self._output_from = os.fstat(log).st_size
            self._process = await asyncio.create_subprocess_exec(
                *launcher,
                *command.argv,
                env=dict(command.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # (1) a session of its own
                umask=0o077,
            )
        finally:
            os.close(log)
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _complaint(self, what: str) -> str:
        lines = self.output().strip().splitlines()[-LOG_TAIL_LINES:]
        said = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        return f"{self.command.name} {what}; its log {self.command.log} ends with:\n{said}"


def _open_log(path: Path) -> int:
    """Open ``path`` for appending; a large one is set aside first, replacing the one before."""
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_name(f"{path.name}.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
