"""Read and verify the audit ledger."""
