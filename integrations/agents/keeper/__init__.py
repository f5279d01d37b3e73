"""The small process between worker and agent, and the worker's end of it."""
