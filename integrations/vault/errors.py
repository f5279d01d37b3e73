"""The ways to fail that only Vault has."""

from __future__ import annotations

from integrations.errors import DeniedError, IntegrationError


class CredentialDeadError(IntegrationError):
    """A credential ended while in use: expired, revoked, or its agent disabled.

    A new attempt mints a new one, or is told that the agent is revoked.
    """


class PathDeniedError(DeniedError):
    """The policies of a living credential do not open the path."""
