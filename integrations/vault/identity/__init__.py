"""Agents as Vault knows them: who each is, at which tier, and whether it may act at all."""
