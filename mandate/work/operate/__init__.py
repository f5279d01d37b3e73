"""Servers and workers started, prepared and examined."""
