"""The ways the outside world fails us.

Adapters translate every client-library exception into one of these, so that no caller ever
needs to know whether Vault is spoken to through ``hvac``. Names are wire names: they become
the ``type`` of the Temporal failure.
"""

from __future__ import annotations


class IntegrationError(Exception):
    """Base class; never raised itself."""


class UnavailableError(IntegrationError):
    """No answer, or "try later". Trying again may help."""


class RateLimitedError(UnavailableError):
    """It says when to come back; asking before that makes it later."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class DeniedError(IntegrationError):
    """We are not allowed to. Trying again will not help."""


class ConflictError(IntegrationError):
    """Somebody else holds it, or it changed under us. Trying again may help."""


class CorruptError(IntegrationError):
    """Stored data fails its own integrity check. Stop and call a human."""


class NotFoundError(IntegrationError):
    """It is not there. Trying again will not help."""


class ColdError(IntegrationError):
    """Dragonfly has no guard for the agent: ask the ledger afresh, seed, try again."""


class RevokedError(IntegrationError):
    """The agent is revoked, or the epoch is older than its guard. Final."""


class CircuitOpenError(IntegrationError):
    """A circuit breaker lets no call through now; nothing was asked of what lies behind it."""

    def __init__(self, circuit: str, state: str, left_ms: int) -> None:
        """Say which one; ``left_ms`` is -1 where nobody can say how long."""
        until = "by order" if state == "forced-open" else "until it is seen to live"
        if left_ms >= 0:
            until = f"half-open in {left_ms / 1000:.0f} s"
        super().__init__(f"circuit {circuit} is {state}: {until}")
        self.circuit = circuit
        self.state = state
        self.left_ms = left_ms
