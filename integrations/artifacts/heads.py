"""Heads of artefacts, for people who are asked to approve them.

1. The whole is read and hashed, and its head is taken from those bytes: what is shown is of what
   the digest names, or it is said that it is not.
2. What looks like a Vault token is taken out before anything is cut: half a token would not be
   recognised. Secrets that a stage declares never get into an artefact.
3. Text is UTF-8 without a NUL.
"""

from __future__ import annotations

import codecs
from typing import Final

from dsl.limits import HEAD_OF_BYTES_MAX
from dsl.shown.heads import Head, HeadState, head_of
from integrations.artifacts.store import Artifacts
from integrations.errors import CorruptError, DeniedError, NotFoundError
from integrations.redaction import redact_tokens

_LOOKED_AT: Final = 16 << 10  # bytes; more than a head can show
_MARGIN: Final = 2 << 10  # characters, at a cut: more than a token has (2)


def read_head(artifacts: Artifacts, digest: str) -> Head:
    """Return the head of an artefact, or what stands in the way of one.

    Raises:
        UnavailableError: the disk is failing.
    """
    try:
        data = artifacts.get(digest)  # (1) read and hashed as a whole
    except (NotFoundError, DeniedError):
        return Head(state=HeadState.GONE)
    except CorruptError:
        return Head(state=HeadState.CHANGED)
    size = len(data)
    if size > HEAD_OF_BYTES_MAX:
        return Head(state=HeadState.TOO_LARGE, size=size)
    text = as_text(data[:_LOOKED_AT], is_whole=size <= _LOOKED_AT)
    if text is None:
        return Head(state=HeadState.NO_TEXT, size=size)
    clean = redact_tokens(text)  # (2) before anything is cut
    if size <= _LOOKED_AT:
        return head_of(clean, is_whole=True, size=size)
    return head_of(clean[:-_MARGIN], is_whole=False, size=size)


def as_text(data: bytes, *, is_whole: bool = True) -> str | None:
    """Return what ``data`` says (3), or None; what is cut off may end within a character."""
    if b"\0" in data:
        return None
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return None
