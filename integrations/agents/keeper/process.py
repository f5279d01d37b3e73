"""The worker's end of the keeper: start it, talk to it, be sure that it has ended.

1. What to start goes over a socket, never through the argument list or the environment.
2. Closing that socket ends the agent's tree; so does the worker's death, which closes it too.
3. ``end`` is bounded, may be called twice, and is not cut short by a cancellation. That ends the
   grace alone, where a longer one than usual was granted: who cancels again is in a hurry.
4. The keeper has a deadline of its own, which this end only moves on: a worker that stands still
   moves nothing. An agent that ended by it was without a lease, and has failed at nothing.
5. What is told goes past the stream that is heard: a keeper that has ended hears nothing any more,
   and its last word is heard even so.
6. Where the private directory is a tmpfs that only the agent's namespace sees, a descriptor of it
   comes over a socket of its own. It holds the files until ``close``.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from dsl.limits import AGENT_LINE_BYTES_MAX
from integrations.agents.contract.protocol import escaped
from integrations.agents.keeper.keeper import LINGER_S
from integrations.agents.keeper.quota import Reached
from integrations.agents.keeper.watch import GRACE_S
from integrations.agents.processes.descendants import KILL_S
from integrations.agents.processes.lifeline import Lifeline
from integrations.dragonfly.errors import LeaseLostError
from integrations.errors import DeniedError, UnavailableError

START_S: Final = 15.0
END_S: Final = GRACE_S + LINGER_S + KILL_S + 1.0

_KEEPER: Final = Path(__file__).with_name("keeper.py")

T = TypeVar("T")


class Process:
    """One keeper with its agent."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        voice: socket.socket,
        directory: socket.socket,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._voice = voice  # (5) of the same connection, and never waited for
        self._ending: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._lifeline = ExitStack()
        self.level = "none"
        self.exit_code: int | None = None  # of the agent; minus the signal; None: unknown
        self.quota: Reached | None = None  # that ended it
        self.lingering = False  # it had ended, and what it had started had to be
        self._sender = directory
        self._directory: int | None = None
        self._stdin = _given(process.stdin)
        self.stdout = _given(process.stdout)
        self.stderr = _given(process.stderr)
        self.settled = asyncio.Event()  # whether its agent runs is known

    @classmethod
    async def start(cls) -> Process:
        """Start a keeper, which waits to be told what to start.

        Raises:
            UnavailableError: this machine starts no process now.
        """
        ours, theirs = socket.socketpair()
        directory, sender = socket.socketpair()  # (6) a tmpfs comes by a socket of its own
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(_KEEPER)),
                *(str(theirs.fileno()), str(sender.fileno())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(theirs.fileno(), sender.fileno()),
                env={},
                start_new_session=True,  # a Ctrl-C for the worker is the worker's to hand on
                limit=AGENT_LINE_BYTES_MAX,
            )
            reader, writer = await asyncio.open_connection(sock=ours)
            voice = ours.dup()
            voice.settimeout(0)
        except OSError as error:
            ours.close()
            raise UnavailableError(f"no agent starts on this machine: {error.strerror}") from error
        except BaseException:
            ours.close()  # a keeper that did start ends by that (2)
            directory.close()
            raise
        finally:
            theirs.close()
            sender.close()
        directory.settimeout(0)
        return cls(process, reader, writer, voice, directory)

    @property
    def is_alive(self) -> bool:
        """Whether the keeper has not ended, as far as is known."""
        return self._process.returncode is None

    async def begin(
        self,
        spec: dict[str, Any],
        lifeline: Lifeline,
        on_start: Callable[[int], None] | None = None,
    ) -> None:
        """Tell the keeper what to start, and until when it may live (4).

        ``on_start`` hears its pid before that; where that fails, the keeper is ended.
        """
        try:
            if on_start is not None:
                on_start(self._process.pid)
        except BaseException:
            await self.end()
            self.close()
            raise
        told = json.dumps({**spec, "deadline": lifeline.deadline}).encode() + b"\n"
        with suppress(ConnectionError):  # (5) it has ended: that is heard
            await asyncio.get_running_loop().sock_sendall(self._voice, told)
        self._lifeline.enter_context(lifeline.told_to(lambda at: self._tell({"deadline": at})))

    def _tell(self, message: dict[str, Any]) -> None:
        # (4) (5) one that hears nothing ends by its deadline, or has ended
        with suppress(BlockingIOError, ConnectionError):
            self._voice.send(json.dumps(message).encode() + b"\n")

    async def ready(self) -> None:
        """Wait until the agent runs inside its sandbox.

        Raises:
            DeniedError: it could not be started, or not as it must be.
            LeaseLostError: its deadline had come before (4).
            UnavailableError: the machine starts no keeper now, which is no fault of the agent.
        """
        try:
            async with asyncio.timeout(START_S):
                message = await self._hear()
        except TimeoutError:
            raise UnavailableError(
                f"no agent starts on this machine: its keeper said nothing within {START_S:g} s"
            ) from None
        finally:
            self.settled.set()
        if message is None:
            text = (await self.stderr.read()).decode(errors="replace").strip()[-500:]
            raise UnavailableError(f"no agent starts on this machine: its keeper ended: {text}")
        _refuse_expired(message)
        if "error" in message:
            raise DeniedError(
                f"no agent starts on this machine as it must ({message['kind']}): "
                f"{message['error']}"
            )
        self.level = message["started"]
        with suppress(BlockingIOError):  # nothing came: the private directory is where it was made
            _, found, _, _ = socket.recv_fds(self._sender, 1 << 5, 1)  # sent before it said so
            self._directory = found[0] if found else None

    @property
    def directory(self) -> Path | None:
        """Where the agent's files are, when not where its directory was made (6)."""
        return None if self._directory is None else Path(f"/proc/self/fd/{self._directory}")

    def close(self) -> None:
        """Let the agent's files go, where they are in memory (6); harmless when repeated."""
        self._sender.close()
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None

    async def feed(self, line: bytes) -> None:
        """Write the request to the agent's stdin and close it."""
        await self.tell(line)
        self.hang_up()

    async def tell(self, line: bytes) -> None:
        """Write a line to the agent's stdin, which stays open."""
        try:
            self._stdin.write(line)
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):  # an agent need not listen
            return

    def hang_up(self) -> None:
        """Close the agent's stdin: nothing more will be said to it."""
        self._stdin.close()

    def stop(self) -> None:
        """Let the agent be ended, SIGTERM first, and hear by ``exited`` how it took that."""
        self._lifeline.close()
        self._writer.write_eof()

    async def exited(self) -> None:
        """Wait until the agent's tree has ended, and learn how.

        Raises:
            AgentError: something of it could not be ended.
            LeaseLostError: it was ended because its deadline had come (4).
        """
        message = await self._hear()
        if message is None:  # the keeper was killed, and the agent with it
            return
        self.exit_code = message["exit"]
        self.lingering = message["lingering"]
        self.quota = Reached(*message["quota"]) if message["quota"] else None
        if message["left"]:
            raise escaped(f"{message['left']} process(es) could not be ended")
        _refuse_expired(message)

    async def end(self, grace_s: float = GRACE_S) -> None:
        """End whatever still runs (2); a cancellation waits for that, and is passed on then.

        ``grace_s`` after SIGTERM comes SIGKILL. The caller removes the private directory next:
        nothing may live in it any more.
        """
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end(grace_s))
        interrupted = False
        while not self._ending.done():  # (3) not cut short by a cancel
            try:
                await asyncio.wait((self._ending,))
            except asyncio.CancelledError:
                interrupted = True
                self._hurry.set()
        if interrupted:
            raise asyncio.CancelledError

    async def _end(self, grace_s: float) -> None:
        if grace_s > GRACE_S:  # its deadline goes on moving meanwhile
            self._tell({"grace": grace_s})
            with suppress(TimeoutError):
                async with asyncio.timeout(grace_s + END_S):
                    await _first_of(self._process.wait(), self._hurry.wait())
        self.settled.set()
        self._lifeline.close()
        self._voice.close()
        self._writer.close()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()  # init of its namespace, or agent, dies with it
            await self._process.wait()
        # A stream that something escaped holds open would keep its pipe for ever.
        self._process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - no public way

    async def _hear(self) -> dict[str, Any] | None:
        try:
            line = await self._reader.readline()
        except ConnectionResetError:  # it was killed before it had read what to start
            return None
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _refuse_expired(message: dict[str, Any]) -> None:
    if message.get("expired"):
        raise LeaseLostError("the keeper ended the agent: its lease was not renewed in time")


def _given(stream: T | None) -> T:
    if stream is None:  # the keeper is always started with three pipes
        raise ValueError("expected a pipe")
    return stream
