"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``fix`` is said only when the check failed."""

    name: str
    ok: bool
    detail: str
    fix: str = ""

    def line(self) -> str:
        """Return the line as printed."""
        text = f"{'ok' if self.ok else 'FAIL':<4}  {self.name:<12}  {self.detail}"
        return text if self.ok or not self.fix else f"{text}\n{'':20}fix: {self.fix}"


def good(name: str, detail: str) -> Finding:
    """Say that all is well."""
    return Finding(name, ok=True, detail=detail)


def bad(name: str, detail: str, fix: str) -> Finding:
    """Say what is wrong and what to do."""
    return Finding(name, ok=False, detail=detail, fix=fix)
