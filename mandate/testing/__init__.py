"""Pipelines tested as they run: the real engine, people who really sign, agents made up."""
