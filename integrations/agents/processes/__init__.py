"""Processes of agents: what descends from them, what they take, until when they may live."""
