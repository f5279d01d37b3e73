"""How a worker writes its log: one record is one line that begins with a time.

1. A name or an error with a line break in it would be a record that nobody made. Whatever belongs
   to a record and takes more lines, such as a traceback, stands behind a margin.
2. What looks like a Vault token is replaced, whoever wrote it.
"""

from __future__ import annotations

import logging
from typing import Final

from dsl.shown.foreign import aligned
from dsl.shown.surfaces import Terminal
from integrations.redaction import redact_tokens

FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"
LINE_MAX: Final = 4_000  # characters


class Lines(logging.Formatter):
    """Formats a record so that its text cannot pass for another record."""

    def format(self, record: logging.LogRecord) -> str:
        """See base class."""
        text = redact_tokens(super().format(record))  # (2) whoever wrote it
        first, *more = text.split("\n")  # (1) the rest stands behind a margin
        return "\n".join((aligned(first, LINE_MAX), *Terminal.excerpt(more)))


def set_up() -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
