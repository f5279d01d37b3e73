"""Calls of tools by the agent of one stage: taken from its activity, decided, and carried out."""
