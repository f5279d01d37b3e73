"""What an agent is bound to: the digest of its program, as this worker has it."""

from __future__ import annotations

from integrations.agents.programs import catalogue


def program_digest(name: str | None) -> str:
    """Return the digest of the program's file; empty while the template has no program."""
    return catalogue.find(name).digest if name else ""
