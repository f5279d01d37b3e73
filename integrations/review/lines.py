"""Lines as Python, its tools and editors count them: ended by a line feed or a carriage return.

Both together end one line. ``str.splitlines`` ends one at a form feed and at U+2028 as well, and
every number after that is another than that of the tool which is quoted.
"""

from __future__ import annotations

import re
from typing import Final

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines_of(text: str) -> list[str]:
    """Return the lines of ``text``, each with its end."""
    return _LINE.findall(text)
