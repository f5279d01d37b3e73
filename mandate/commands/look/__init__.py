"""Commands that read: the catalogue, the ledger, what agents have put out."""
