"""Evidence of a run as one file, and its verification with nothing at hand but the key."""
