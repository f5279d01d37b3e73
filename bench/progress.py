"""What the benchmark is doing, and for how long it still will, on stderr.

At a terminal one line that is written anew each second; in a pipe a line every ``SAID_EVERY_S``.
The time left is what the parts to come usually take, by the pace of those that are done.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, TextIO

SAID_EVERY_S: Final = 15.0
_USUAL_PACE_S: Final = 30.0  # as much of it counts as seen: a first part of seconds says little
_REST_MIN: Final = 0.05  # of a part that takes longer than usual


class Progress:
    """Follows parts, each of which usually takes so many seconds."""

    def __init__(
        self,
        usual: Mapping[str, float],
        *,
        clock: Callable[[], float] = time.monotonic,
        out: TextIO | None = None,
    ) -> None:
        self._usual = dict(usual)
        self._clock = clock
        self._out = out or sys.stderr
        self._done: dict[str, float] = {}  # what each took
        self._part = ""
        self._what = ""
        self._began = clock()

    def begin(self, part: str) -> None:
        """Begin a part; the one before is done."""
        self.end()
        self._part, self._what, self._began = part, "", self._clock()
        self._say()

    def end(self) -> None:
        """Note what the part under way took."""
        if self._part:
            self._done[self._part] = self._clock() - self._began
        self._part = ""

    def tell(self, what: str) -> None:
        """Say what the part is at."""
        self._what = what

    def left_s(self) -> float:
        """Return the seconds that are left."""
        usual = sum(self._usual[name] for name in self._done) + _USUAL_PACE_S
        pace = (sum(self._done.values()) + _USUAL_PACE_S) / usual
        left = sum(
            each for name, each in self._usual.items() if name not in self._done | {self._part: 0.0}
        )
        if self._part:
            whole = self._usual[self._part]
            left += max(whole - (self._clock() - self._began) / pace, whole * _REST_MIN)
        return left * pace

    def line(self) -> str:
        """Return what is to be said."""
        number, left = len(self._done) + 1, round(self.left_s())
        what = f": {self._what}" if self._what else ""
        return f"[{number}/{len(self._usual)}] {self._part}{what}, {left // 60}:{left % 60:02} left"

    @asynccontextmanager
    async def told(self) -> AsyncIterator[None]:
        """Say it again and again meanwhile."""
        speaking = asyncio.create_task(self._speak())
        try:
            yield
        finally:
            self.end()
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking
            if self._out.isatty():
                self._out.write("\r\x1b[K")

    async def _speak(self) -> None:
        every = 1.0 if self._out.isatty() else SAID_EVERY_S
        while True:
            await asyncio.sleep(every)
            self._say()

    def _say(self) -> None:
        line = self.line()
        self._out.write(f"\r\x1b[K{line}" if self._out.isatty() else f"{line}\n")
        self._out.flush()
