"""Why a server was not reached, in the operating system's words.

Client libraries wrap what the system says into types of their own, whose names help nobody at a
terminal or in a history. They hold requests, and what stands in those, too: so nothing is taken
from a wrapper, only from the failure of the system that lies at its bottom.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import Final

_LOOKED_AT_MAX: Final = 20  # failures: they hold each other, and go round in circles


def why_unreached(error: BaseException) -> str:
    """Return the reason; empty where the system has said none."""
    found, said = [error], ""
    for at in found:  # which grows meanwhile
        said = said or _said(at)
        within = (each for each in _within(at) if not any(each is one for one in found))
        found += list(within)[: _LOOKED_AT_MAX - len(found)]
    return said


def _said(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):  # an OSError with numbers of its own
        return getattr(error, "verify_message", "") or "no TLS is spoken there"
    if isinstance(error, OSError) and error.errno is not None:
        # Below zero it is of a name that nobody knows.
        return os.strerror(error.errno) if error.errno > 0 else error.strerror or ""
    if isinstance(error, ConnectionError | EOFError):
        return "the connection was closed"
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return "no answer in time"
    return ""


def _within(error: BaseException) -> Iterator[BaseException]:
    """Yield what a wrapper holds: its cause, its context, and what stands in for both."""
    for each in (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args):
        if isinstance(each, BaseException):
            yield each
