"""References to secrets, ``mount/path#field``, as documents write them.

Each part is of letters, digits, ``_``, ``.`` and ``-``, and begins with a letter or a digit.
"""

from __future__ import annotations

import re
from typing import Final

SECRET_REFERENCE_LENGTH_MAX: Final = 512
_SEGMENT: Final = "[A-Za-z0-9][A-Za-z0-9_.-]*"
_REFERENCE: Final = re.compile(rf"{_SEGMENT}(/{_SEGMENT})+#{_SEGMENT}")


def is_secret_reference(text: str) -> bool:
    """Tell whether ``text`` is one."""
    return len(text) <= SECRET_REFERENCE_LENGTH_MAX and _REFERENCE.fullmatch(text) is not None
