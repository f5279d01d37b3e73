"""What a token of Vault looks like. Whatever does is replaced wherever it may be kept or shown.

So no name that people choose may have this form: it would be replaced as well.
"""

from __future__ import annotations

from typing import Final

# hvs., hvb., hvr. (Vault) and s., b., r. (OpenBao); not in the middle of a word, says its user.
TOKEN_SHAPE: Final = r"(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{24,}"  # noqa: S105  # the form of one
