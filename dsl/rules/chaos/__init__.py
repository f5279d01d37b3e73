"""Did governance hold while things broke? Asked of what the stores say, never of the engine."""
