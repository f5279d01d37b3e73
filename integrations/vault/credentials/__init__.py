"""What is minted, for which phase, and that it dies with it."""
