"""What a history implies must be on the ledger, and the reverse."""
