"""The ways to fail that only leases have."""

from __future__ import annotations

from integrations.errors import IntegrationError


class LeaseLostError(IntegrationError):
    """The lease is gone, or can no longer be proved. Repeat the phase, never the write."""


class OrderError(IntegrationError):
    """A step was asked for after one that it must not follow, and no lease was taken."""

    def __init__(self, step: str, last: str) -> None:
        super().__init__(f"{step} was asked for after {last}")
