"""Signatures by keys that never leave Vault."""
