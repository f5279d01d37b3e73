"""The one way to fail that only leases have."""

from __future__ import annotations

from integrations.errors import IntegrationError


class LeaseLostError(IntegrationError):
    """The lease is gone, or can no longer be proved. Repeat the phase, never the write."""
