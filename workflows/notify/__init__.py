"""What waits to be told to one destination, and is told there in its order."""
