"""How a worker writes its log: one record is one line that begins with a time.

A name or an error with a line break in it would be a record that nobody made. Whatever belongs to
a record and takes more lines, such as a traceback, stands behind a margin.
"""

from __future__ import annotations

import logging
from typing import Final

from dsl.foreign import aligned
from dsl.surfaces import Terminal

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
LINE_MAX: Final = 4_000  # characters


class Lines(logging.Formatter):
    """Formats a record so that its text cannot pass for another record."""

    def format(self, record: logging.LogRecord) -> str:
        """See base class."""
        first, *more = super().format(record).split("\n")
        return "\n".join((aligned(first, LINE_MAX), *Terminal.excerpt(more)))


def set_up() -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
