"""Standing asked for, taken away and shown."""
