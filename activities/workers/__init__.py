"""What the worker of each task queue does."""
