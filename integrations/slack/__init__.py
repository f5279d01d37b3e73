"""Slack: one message for each run, edited as a board; gates that are answered there."""
