"""Evidence of a run that a stranger can verify."""
