"""Chaos experiments: what is seen of one after it has ended."""
