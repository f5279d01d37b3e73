"""Runs looked at from outside, and people told of them."""
