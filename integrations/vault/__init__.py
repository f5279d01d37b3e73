"""Vault: trust tiers, agent identities and just-in-time credentials."""
