"""An agent has spent its error budget: it is stopped, or does not begin."""

from __future__ import annotations

from typing import Final

from integrations.agents.contract.protocol import AgentError

BUDGET: Final = "budget"  # the kind of such an error


class BudgetSpentError(AgentError):
    """The budget is spent; ``because`` is the failed try that spent it, if one did.

    ``until_ms`` is when the newest of its errors was made.
    """

    def __init__(
        self, sentence: str, because: AgentError | None = None, *, until_ms: int = 0
    ) -> None:
        last = f"; the last one: {because}" if because else ""
        super().__init__(BUDGET, sentence, retryable=False)
        self.until_ms = until_ms
        self.args = (f"{sentence}{last}",)
        if because is not None:
            self.outcome, self.detail = because.outcome, because.detail
            self.secrets, self.tokens = because.secrets, because.tokens
            self.checkpoint = because.checkpoint
