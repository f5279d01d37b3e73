"""Durations as people write them: ``90s``, ``30m``, ``1h30m``, ``2d``; always with a unit.

A bare number is refused: ``timeout: 90`` has meant seconds, minutes and milliseconds in
three systems its author used last week.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from dsl.limits import (
    AGENT_GRACE_MS_MAX,
    PARK_AFTER_MS_MAX,
    TIMEOUT_MS_MAX,
    TIMEOUT_MS_MIN,
    TOOL_TIMEOUT_MS_MAX,
)

PATTERN: Final = r"^(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$"
_DURATION = re.compile(PATTERN)
_ISO = re.compile(
    r"P(?=.)(?:([0-9]{1,6})D)?(?:T(?=.)(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?"
)
_WORDY = re.compile(
    r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?"
    r"(d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])[ ,]*"
)
_UNIT_MS = (86_400_000, 3_600_000, 60_000, 1_000)


def parse_duration(value: Any, *, least: int = TIMEOUT_MS_MIN, most: int = TIMEOUT_MS_MAX) -> int:
    """Return ``value`` in milliseconds.

    Raises:
        ValueError: no unit, an unknown form, or outside the limits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"expected a duration such as 90s or 30m, got {value!r}")  # noqa: TRY004  # pydantic wants ValueError
    if not isinstance(value, str) or value.isdigit():
        raise ValueError(f"a duration needs a unit: write {value}s or {value}m")
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is not a duration: write 90s, 30m, 1h30m or 2d")
    ms = sum(
        int(part[:-1]) * unit for part, unit in zip(match.groups(), _UNIT_MS, strict=True) if part
    )
    if not least <= ms <= most:
        limits = f"{render_duration(least)} to {render_duration(most)}"
        raise ValueError(f"{value!r} is outside the limits of {limits}")
    return ms


def guess_duration(text: str) -> str | None:
    """Return the duration that another way of writing means, or None: 30min, PT30M, 1.5 hours."""
    iso = _ISO.fullmatch(text.strip().upper())
    if iso is not None:
        parts = list(zip(iso.groups(), "dhms", strict=True))
    else:
        words = text.strip().lower()
        parts = [(match[1], match[2][0]) for match in _WORDY.finditer(words)]
        if _WORDY.sub("", words).strip(" ,"):
            return None
    ms = sum(float(number) * _UNIT_MS["dhms".index(unit)] for number, unit in parts if number)
    is_one = TIMEOUT_MS_MIN <= ms <= TIMEOUT_MS_MAX and ms % 1_000 == 0
    return render_duration(int(ms)) if is_one else None


def render_duration(ms: int) -> str:
    """Return ``ms`` in the shortest form that ``parse_duration`` reads back."""
    parts = []
    for unit, suffix in zip(_UNIT_MS, "dhms", strict=True):
        count, ms = divmod(ms, unit)
        if count:
            parts.append(f"{count}{suffix}")
    return "".join(parts) or "0s"


_AS_WRITTEN: Final = WithJsonSchema(
    {"type": "string", "pattern": PATTERN, "examples": ["90s", "30m", "1h30m"]}
)
# Milliseconds as an int, written with a unit.
Duration = Annotated[int, BeforeValidator(parse_duration), _AS_WRITTEN]
Grace = Annotated[
    int, BeforeValidator(partial(parse_duration, most=AGENT_GRACE_MS_MAX)), _AS_WRITTEN
]
ParkAfter = Annotated[
    int, BeforeValidator(partial(parse_duration, most=PARK_AFTER_MS_MAX)), _AS_WRITTEN
]
ToolTimeout = Annotated[
    int, BeforeValidator(partial(parse_duration, most=TOOL_TIMEOUT_MS_MAX)), _AS_WRITTEN
]
