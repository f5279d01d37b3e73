"""Who a worker is to Vault."""
