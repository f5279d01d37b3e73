"""Runs started, followed and steered."""
