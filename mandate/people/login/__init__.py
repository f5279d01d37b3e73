"""Being somebody to Vault."""
