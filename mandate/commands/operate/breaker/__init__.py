"""The circuit breakers: what is let through, and orders about that."""
