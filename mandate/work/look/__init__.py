"""The catalogue, the ledger and outputs, read and printed."""
