"""The only way onto the ledger."""
