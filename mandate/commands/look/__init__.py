"""What is there to be read: the catalogue, the ledger, what agents have put out."""
