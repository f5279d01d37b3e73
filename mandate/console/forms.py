"""What somebody has sent from a page: a form, read with care.

1. ``application/x-www-form-urlencoded`` and UTF-8, ``FORM_BYTES_MAX`` and ``FIELDS_MAX`` at most,
   and each name once: of two, one reader takes the first and the next the last.
2. A line break is one character here, though a browser sends two: what is signed is what was typed.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from integrations.web.answers import TurnedAwayError
from integrations.web.bodies import raw_body

FORM_BYTES_MAX: Final = 256 << 10
FIELDS_MAX: Final = 200
_KIND: Final = "application/x-www-form-urlencoded"
_BAD: Final = 400
_OTHER_KIND: Final = 415


async def form_of(request: Request) -> dict[str, str]:
    """Return what the form of a request holds.

    Raises:
        TurnedAwayError: it cannot be read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _KIND:
        raise TurnedAwayError(_OTHER_KIND, f"expected a form, {_KIND}")
    raw = await raw_body(request, FORM_BYTES_MAX)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:  # (1) neither encoding nor number
        raise TurnedAwayError(_BAD, "this form cannot be read: open the page anew") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TurnedAwayError(_BAD, "expected each name once in a form")
    return {name: value.replace("\r\n", "\n") for name, value in form.items()}  # (2) one character


def asked(request: Request, name: str, length_max: int = 1_000) -> str:
    """Return a word of the address.

    Raises:
        TurnedAwayError: it is not there, or too long.
    """
    values = request.query_params.getlist(name)
    if len(values) != 1 or not values[0] or len(values[0]) > length_max:
        raise TurnedAwayError(_BAD, f"expected ?{name}=… once, {length_max:,} characters at most")
    return values[0]
