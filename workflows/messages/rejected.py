"""Messages that had no effect: remembered and shown, since a signal cannot be refused.

A base class, no workflow. It makes a workflow one that survives bad messages, see
``workflows.messages.interceptors``.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from dsl.limits import MESSAGE_LENGTH_MAX, MESSAGES_KEPT_MAX


class VoidMessages:
    """Remembers the first messages that had no effect, and counts the rest."""

    def __init__(self) -> None:
        self._messages: list[dict[str, str]] = []
        self._messages_dropped = 0

    def on_bad_message(self, name: str, why: str) -> None:
        """Remember a message that had no effect."""
        if len(self._messages) >= MESSAGES_KEPT_MAX:
            self._messages_dropped += 1
            return
        self._messages.append(
            {
                "name": name[:MESSAGE_LENGTH_MAX],
                "why": why[:MESSAGE_LENGTH_MAX],
                "time": workflow.now().isoformat(timespec="seconds"),
            }
        )

    def void_messages(self) -> dict[str, Any]:
        """Return what ``status`` shows of them."""
        return {
            "void_messages": self._messages,
            "void_messages_dropped": self._messages_dropped,
        }
