"""What an agent may touch, and the walls that keep it to that."""
