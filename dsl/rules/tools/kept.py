"""Arguments of a call as its entry on the ledger keeps them, and as they are read there again.

An entry has no floats, and a workflow notes what it cannot hold in another form: 9.5 as text, what
is nested too deep as its digest. Whoever decides anew has to know which of both it was. Pure:

1. Arguments stand there as people read them. Where that is not what was asked for, or could be
   taken for the digest of something larger, their canonical text stands beside them.
2. What was too large for an entry is a digest there, and nothing can be decided about it. Whatever
   else is no arguments is no digest either.
3. What people read there is what was decided about, as far as it is to be read at all: a number may
   be its text, and a digest stand for what is too large or nested too deep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from dsl.rules.tools.calls import CallRefusedError, arguments_in, text_of
from dsl.values.canonical import DIGEST_PATTERN

ARGUMENTS: Final = "arguments"
EXACTLY: Final = "arguments_exactly"
_DIGEST: Final = re.compile(DIGEST_PATTERN)


def is_cut(arguments: Any, of: str = "count") -> bool:
    """Tell whether that is a digest in the place of arguments, or looks like one (2).

    ``of`` is what is told with it: how many there are, or the ``size`` of a text.
    """
    if not isinstance(arguments, Mapping) or arguments.keys() != {"digest", of}:
        return False
    digest = arguments["digest"]
    return isinstance(digest, str) and bool(_DIGEST.match(digest)) and type(arguments[of]) is int


def are_digested(payload: Mapping[str, Any]) -> bool:
    """Tell whether a digest stands for the arguments of a call in its entry (2)."""
    exactly = payload.get(EXACTLY)
    return is_cut(payload.get(ARGUMENTS)) if exactly is None else is_cut(exactly, "size")


def reads_as(noted: Any, exact: Any) -> bool:
    """Tell whether ``noted`` is how an entry spells ``exact``, as far as it can be read (3)."""
    match exact:
        case dict():
            if not isinstance(noted, dict) or noted.keys() != exact.keys():
                return is_cut(noted)
            return all(reads_as(noted[name], value) for name, value in exact.items())
        case list():
            if not isinstance(noted, list) or len(noted) != len(exact):
                return is_cut(noted)
            return all(map(reads_as, noted, exact))
        case float():
            return bool(noted == str(exact))
        case _:
            return type(noted) is type(exact) and bool(noted == exact)


def exact_text(arguments: Mapping[str, Any], noted: Any) -> str | None:
    """Return the text that has to stand beside ``noted``; None: that says it all (1)."""
    if noted == arguments and not is_cut(arguments):
        return None
    return text_of(arguments)


def arguments_kept(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a call by its entry; None: there are none, or their digest (2)."""
    exactly = payload.get(EXACTLY)
    if isinstance(exactly, str):
        try:
            return arguments_in(exactly)
        except CallRefusedError:
            return None
    noted = payload.get(ARGUMENTS)
    if not isinstance(noted, dict) or exactly is not None or is_cut(noted):
        return None
    return noted
