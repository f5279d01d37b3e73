"""What a workflow tells the ledger: noted as it happens, flushed before effects."""
