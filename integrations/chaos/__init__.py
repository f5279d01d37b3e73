"""Faults that really happen, each with its undo, and seen to happen; on what is ours alone."""
