"""Brakes on an agent, and what of them was seen to hold."""
