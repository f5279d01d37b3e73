"""Places outside the ledger's file, and best outside its host, that keep what was signed of it."""
