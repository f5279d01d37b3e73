"""The audit ledger: one append-only, hash-chained SQLite file with one writer."""
