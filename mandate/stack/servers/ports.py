"""Which ports the servers listen on.

1. A port given by the user is taken as it is, or refused when somebody listens there; a
   predecessor that was just killed gets a moment to let go of it.
2. 0 means any free one, chosen *below* the range the kernel hands out to outgoing connections: a
   server that is restarted must find its port still free.
3. No port is given out twice by one `Ports`.
"""

from __future__ import annotations

import asyncio
import secrets
import socket

from mandate.stack.errors import StackError

HOST = "127.0.0.1"
PORT_FIRST = 15_000
PORT_LAST = 32_000
TRIES_MAX = 200
RELEASE_WAIT_S = 3.0
_POLL_S = 0.1


class Ports:
    """Gives out ports of the loopback interface."""

    def __init__(self) -> None:
        self._given: set[int] = set()

    async def take(self, port: int, *, name: str, fix: str) -> int:
        """Return ``port``, or a free one for 0.

        Raises:
            StackError: it is taken; the message ends with ``fix``.
        """
        if port == 0:
            return self.free()
        if port in self._given or not await _released(port):  # (1) refused when somebody listens
            raise StackError(f"port {port} for {name} is taken: {fix}")
        self._given.add(port)
        return port

    def free(self, wish: int = 0) -> int:
        """Return ``wish`` when it is free, else any free port."""
        span = PORT_LAST - PORT_FIRST
        for _ in range(TRIES_MAX):  # (2) below the kernel's own range
            port = wish or PORT_FIRST + secrets.randbelow(span)
            wish = 0
            if port not in self._given and is_free(port):  # (3) none is given out twice
                self._given.add(port)
                return port
        raise StackError(f"no free port between {PORT_FIRST} and {PORT_LAST} in {TRIES_MAX} tries")


def is_free(port: int) -> bool:
    """Tell whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # As servers do: a connection in TIME_WAIT does not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
    return True


async def _released(port: int) -> bool:
    for _ in range(int(RELEASE_WAIT_S / _POLL_S)):
        if is_free(port):
            return True
        await asyncio.sleep(_POLL_S)
    return False
