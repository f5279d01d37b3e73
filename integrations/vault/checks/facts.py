"""What was found out about a Vault, one fact at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from integrations.errors import IntegrationError, UnavailableError

INSTALL: Final = "install our governance again"
_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing found out; ``fix`` says what to do where it is not good.

    ``away``: Vault did not answer, so it is not known.
    """

    name: str
    good: bool
    detail: str
    fix: str = ""
    away: bool = False


def good(name: str, detail: str) -> Fact:
    """Say that all is well."""
    return Fact(name, good=True, detail=detail)


def bad(name: str, detail: str, fix: str) -> Fact:
    """Say what is wrong and what to do."""
    return Fact(name, good=False, detail=detail, fix=fix)


def not_found_out(name: str, error: IntegrationError, about: str = "", fix: str = "") -> Fact:
    """Say why something cannot be known; ``fix`` helps where Vault did answer."""
    away = isinstance(error, UnavailableError)
    detail = f"{about}: {error}" if about else str(error)
    return Fact(name, good=False, detail=detail, fix="" if away else fix, away=away)


def shortened(words: tuple[str, ...], separator: str = "; ") -> str:
    """Return the first few of ``words``, and how many more there are."""
    more = f" and {len(words) - _SHOWN_MAX} more" if len(words) > _SHOWN_MAX else ""
    return f"{separator.join(words[:_SHOWN_MAX])}{more}"
