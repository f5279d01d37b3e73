"""What of a run people are told, and when they have been told of it: pure."""
