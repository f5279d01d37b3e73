"""What an agent has earned, and what it may be raised or bound to."""
