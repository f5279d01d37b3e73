"""The keeper's end of its socket to the worker: JSON, one message a line.

Standard library only. The first line says what to start; a further one moves the deadline,
or grants a grace to an agent that is to end.
"""

from __future__ import annotations

import json
import socket
from typing import Any, Final

_SPEC_BYTES_MAX: Final = 16 << 20
_CHUNK_BYTES: Final = 1 << 16


class Channel:
    """A socket of which whole lines are read."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._unread = bytearray()

    def fileno(self) -> int:
        """Return the descriptor, to be polled."""
        return self._socket.fileno()

    def spec(self) -> dict[str, Any]:
        """Wait for the first message and return it."""
        while b"\n" not in self._unread:
            if not self._receive() or len(self._unread) > _SPEC_BYTES_MAX:
                raise SystemExit("the worker left before it said what to start")
        line, _, self._unread = self._unread.partition(b"\n")
        spec: dict[str, Any] = json.loads(line)
        return spec

    def further(self) -> list[dict[str, Any]] | None:
        """Return the messages that came since; None: the worker has closed its end.

        Waits, unless the descriptor was polled to be readable.
        """
        if not self._receive():
            return None
        *lines, self._unread = self._unread.split(b"\n")
        return [json.loads(line) for line in lines]

    def say(self, message: dict[str, Any]) -> None:
        """Tell the worker, if it is there."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:  # the worker is gone; nobody is left to tell
            return

    def close(self) -> None:
        """Let go of this end."""
        self._socket.close()

    def _receive(self) -> bool:
        chunk = self._socket.recv(_CHUNK_BYTES)
        self._unread += chunk
        return bool(chunk)
