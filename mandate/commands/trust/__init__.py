"""An agent's standing, and whose word a plan has."""
