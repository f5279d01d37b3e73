"""The metrics of Temporal's SDK: kept by its core, which serves them on a port of its own.

1. That port is on loopback and any free one. Between being found and being taken somebody else may
   take it: then another is tried.
2. Its page is fetched for ours. Where it does not answer in time, ours goes without.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from integrations.errors import UnavailableError

HOST: Final = "127.0.0.1"
ANSWER_S: Final = 0.5
PAGE_BYTES_MAX: Final = 4 << 20
_TRIES: Final = 5


class SdkMetrics:
    """A runtime of the SDK that keeps metrics."""

    def __init__(self) -> None:
        """Make it.

        Raises:
            UnavailableError: it found no port (1).
        """
        why: Exception | None = None
        for _ in range(_TRIES):
            self._port = _free_port()
            config = PrometheusConfig(
                bind_address=f"{HOST}:{self._port}",
                counters_total_suffix=True,
                unit_suffix=True,
                durations_as_seconds=True,
            )
            try:
                self.runtime = Runtime(telemetry=TelemetryConfig(metrics=config))
            except (RuntimeError, ValueError) as error:  # (1) another is tried
                why = error
            else:
                return
        raise UnavailableError(f"the SDK cannot serve its metrics: {why}")

    @property
    def port(self) -> int:
        """The port that it is served on."""
        return self._port

    async def text(self) -> str:
        """Return the page; empty where it does not come (2)."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await _fetch(self._port)
        except (OSError, TimeoutError):
            return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _fetch(port: int) -> str:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        # HTTP/1.0: the body ends with the connection, and comes in one piece.
        writer.write(f"GET /metrics HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        said = bytearray()
        while len(said) <= PAGE_BYTES_MAX and (part := await reader.read(1 << 16)):
            said += part
    finally:
        writer.close()
    head, _, body = bytes(said).partition(b"\r\n\r\n")
    is_whole = len(said) <= PAGE_BYTES_MAX and b" 200 " in head.split(b"\r\n", 1)[0]
    return body.decode(errors="replace") if is_whole else ""
