"""The receipt of a revocation: what was to be brought about, and what of it was seen to be so.

1. A line is confirmed when its brake has read back what it did, and never before. What is not yet
   says which activity it waits for; what never will be says why.
2. It is complete when every line is confirmed. Nothing else makes it complete.
3. Secrets that were handed out and cannot be taken back are listed beside: somebody has to rotate
   them, and no line says that they did.
"""

from __future__ import annotations

from typing import Any, Final

from activities.contracts import trust_specs as trust
from dsl.shown.surfaces import Markdown

WAITING: Final = "waiting for "  # and the activity's name; whoever can see why says so beside


class Brake:
    """One activity, and the lines it has to confirm."""

    def __init__(self, activity: str, *lines: str) -> None:
        self.activity = activity
        self.is_settled = False  # it has answered, or refuses for good, and is not asked again
        self.has_answered = False  # once, whatever it is asked now
        self.is_refused = False
        self.tried = 0  # how many people's words it has looked at
        self.by = ""
        self.rotate: tuple[str, ...] = ()
        self._wait(lines)

    def answered(self, answer: trust.Braked) -> None:
        """Take what it has read back (1)."""
        self.is_settled = self.has_answered = True
        self.is_refused = False
        self.lines = answer.lines
        self.by, self.rotate = answer.by, answer.rotate

    def refused(self, why: str) -> None:
        """Say why it never will (1)."""
        self.is_settled = self.is_refused = True
        self.lines = tuple(_line(line.what, why) for line in self.lines)

    def asked_again(self) -> None:
        """Wait for another answer (1)."""
        self.is_settled = self.is_refused = False
        self._wait(tuple(line.what for line in self.lines))

    def _wait(self, lines: tuple[str, ...]) -> None:
        self.lines = tuple(_line(what, f"{WAITING}{self.activity}") for what in lines)


class Receipt:
    """All brakes of one revocation, in the order they are shown in."""

    def __init__(self, agent: str, epoch: int) -> None:
        self._agent = agent
        self._epoch = epoch
        self.brakes: list[Brake] = []
        self.is_unproven = False

    def brake(self, activity: str, *lines: str) -> Brake:
        """Add a brake."""
        brake = Brake(activity, *lines)
        self.brakes.append(brake)
        return brake

    def as_json(self) -> dict[str, Any]:
        """Return it as whoever asks is told."""
        lines = [line for brake in self.brakes for line in brake.lines]
        return {
            "agent": self._agent,
            "epoch": self._epoch,
            "lines": [line.model_dump(mode="json") for line in lines],
            # (2) by nothing else
            "complete": bool(lines) and all(line.confirmed for line in lines),
            # (3) somebody has to rotate them
            "rotate": [secret for brake in self.brakes for secret in brake.rotate],
            "by": next((brake.by for brake in self.brakes if brake.by), ""),
            **({"unproven": True} if self.is_unproven else {}),
        }

    def markdown(self) -> Markdown:
        """Return it as the Web UI shows it."""
        shown = self.as_json()
        state = Markdown("complete") if shown["complete"] else Markdown("not complete")
        lines = [Markdown.of("Revocation of {}: {}\n", self._agent, state)]
        for line in shown["lines"]:
            word = Markdown("confirmed") if line["confirmed"] else Markdown("**NOT confirmed**")
            detail = Markdown.of(" ({})", line["detail"]) if line["detail"] else Markdown()
            lines.append(Markdown.of("- {}: {}{}", word, line["what"], detail))
        lines += [Markdown.of("- rotate: {}", secret) for secret in shown["rotate"]]
        return Markdown.joined("\n", lines)


def _line(what: str, detail: str) -> trust.ReceiptLine:
    return trust.ReceiptLine(what=what, confirmed=False, detail=detail)
