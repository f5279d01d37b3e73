"""What the id of an agent looks like, wherever one is read: in a document, a message, a grant.

Whether there is such an agent is not known here. The rules:

1. Lower-case letters, digits, ``_``, ``-`` and single dots, first a letter, last no dot or hyphen:
   Vault does not route every other name; there it is an "internal error" or an unknown path.
2. An *identity* is the name an agent is known by everywhere: its id, or the id behind the prefix of
   an inline plan (``dsl.rules.trust.admission``). It has the form of an id, and may be longer.
"""

from __future__ import annotations

import re
from typing import Final

AGENT_ID_PATTERN: Final = r"^[a-z]((\.?[a-z0-9_-])*\.?[a-z0-9_])?$"  # (1) what Vault routes
AGENT_ID_LENGTH_MAX: Final = 128
AGENT_IDENTITY_LENGTH_MAX: Final = 160  # (2) may be longer than an id
AGENT_IDENTITY_FORM: Final = (
    f"at most {AGENT_IDENTITY_LENGTH_MAX} of a-z 0-9 . _ -, first a letter, last no '.' or '-', "
    "and no '..'"
)

_AGENT_ID = re.compile(AGENT_ID_PATTERN)


def is_agent_id(text: str) -> bool:
    """Tell whether ``text`` has the form of an agent's id, however long it is (1)."""
    return _AGENT_ID.fullmatch(text) is not None


def is_agent_identity(name: object) -> bool:
    """Tell whether ``name``, of whatever type, can be an agent's identity (2)."""
    return isinstance(name, str) and len(name) <= AGENT_IDENTITY_LENGTH_MAX and is_agent_id(name)


def refuse_agent_identity(name: object) -> str | None:
    """Say why ``name`` is the name of no agent; None when it can be one."""
    if is_agent_identity(name):
        return None
    return f"expected the id of an agent ({AGENT_IDENTITY_FORM})"
