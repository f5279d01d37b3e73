"""The Merkle tree over the entries of a ledger's file, and who has signed what of it."""
