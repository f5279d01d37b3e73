"""What a gate asks of the outside: heads of outputs, and Vault's control groups."""
