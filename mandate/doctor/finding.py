"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass

from dsl.shown.surfaces import Terminal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``fix`` is said, on a second one, only when the check failed."""

    name: str
    ok: bool
    detail: str
    fix: str = ""

    def lines(self) -> list[Terminal]:
        """Return it as printed."""
        word = "ok" if self.ok else "FAIL"
        found = Terminal.of("{:<4}  {:<12}  {}", word, self.name, self.detail)
        fix = [] if self.ok or not self.fix else [Terminal.of("{:20}fix: {}", "", self.fix)]
        return [found, *fix]


def good(name: str, detail: str) -> Finding:
    """Say that all is well."""
    return Finding(name, ok=True, detail=detail)


def bad(name: str, detail: str, fix: str) -> Finding:
    """Say what is wrong and what to do."""
    return Finding(name, ok=False, detail=detail, fix=fix)
