"""What can be proved of a ledger without trusting who keeps it."""
