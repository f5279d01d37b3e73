"""Is this Vault fit to be trusted? Found out before work is."""
