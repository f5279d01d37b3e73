"""Where a tool server is reached that its operator does not start, and what it is handed.

Pure. The rules:

1. An address is ``https://host/…``, or ``http://`` on this machine. It holds no password: who lists
   servers reads it.
2. A header holds text and secrets by name, ``Bearer ${{ secrets.TOKEN }}``, and nothing else. What
   the protocol sets itself it does not.
3. Each secret is handed over: in a header, or, where a program is started, as a variable.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from dsl.conditions.errors import ExpressionError
from dsl.conditions.interpolate import expressions_in, resolve

HERE: Final = ("127.0.0.1", "::1", "localhost")
HEADER_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9-]{0,63}$"
_OURS: Final = re.compile(
    r"accept.*|connection|content-.*|host|mcp-.*|te|trailer|transfer-encoding|upgrade|expect",
    re.IGNORECASE,
)


def refuse_url(url: str) -> str | None:
    """Say why nothing is reached at ``url`` (1)."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "url: it is no address"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "url: it holds what no address can"
    if not host or port == 0 or parts.scheme not in ("http", "https"):
        return "url: expected https://host/path"
    if parts.scheme == "http" and host not in HERE:
        return f"url: plain http goes to this machine alone, and not to {host!r}: write https"
    if parts.username is not None or parts.fragment:
        return "url: it holds a name, a password or a fragment: hand secrets over in headers"
    return None


def port_of(url: str) -> int | None:
    """Return the port of this machine that ``url`` leads to; None: to none of it."""
    parts = urlsplit(url)
    if parts.hostname not in HERE:
        return None
    return parts.port or (443 if parts.scheme == "https" else 80)


def refuse_headers(headers: Mapping[str, str], secrets: Collection[str]) -> str | None:
    """Say why ``headers`` cannot be sent (2), or which secret is handed to nobody (3)."""
    used: set[str] = set()
    for name, value in headers.items():
        if _OURS.fullmatch(name):
            return f"headers: {name} is set by the protocol"
        if not value.isprintable() or not value.isascii():
            return f"headers: {name} holds what no header can"
        try:
            used |= _secrets_in(value)
        except ExpressionError as error:
            return f"headers: {name}: {error}"
        except ValueError:
            return f"headers: {name} is made of text and ${{{{ secrets.NAME }}}}"
    if used != set(secrets):
        one = min(used ^ set(secrets))
        wrong = "which is not declared" if one in used else "which no header holds"
        return f"headers: secret {one}, {wrong}"
    return None


def _secrets_in(value: str) -> set[str]:
    """Return the secrets that a header holds, by name.

    Raises:
        ExpressionError: it cannot be read.
        ValueError: it holds something else.
    """
    used = set()
    for _, expression in expressions_in(value):
        for each in expression.references:
            root, *names = each.names
            if root != "secrets" or len(names) != 1:
                raise ValueError(root)
            used.add(names[0])
    return used


def filled(headers: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Return ``headers`` as they are sent."""
    return {name: str(resolve(value, {"secrets": secrets})) for name, value in headers.items()}
