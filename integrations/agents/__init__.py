"""Running agents: other people's programs, governed from outside."""
