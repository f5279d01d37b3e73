"""The one way to fail that only Vault has."""

from __future__ import annotations

from integrations.errors import IntegrationError


class CredentialDeadError(IntegrationError):
    """A credential ended while in use: expired, revoked, or its agent disabled.

    A new attempt mints a new one, or is told that the agent is revoked.
    """
