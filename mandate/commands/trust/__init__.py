"""Commands about an agent's standing and a plan's registration."""
