"""Experiments of chaos: break things on a stack of their own, and see whether governance holds."""
