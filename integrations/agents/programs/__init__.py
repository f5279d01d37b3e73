"""Programs of the shipped templates; each runs on its own, as an agent."""
