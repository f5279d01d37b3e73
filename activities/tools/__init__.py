"""Calls of tools: made of their servers, and carried between a stage and its run."""
