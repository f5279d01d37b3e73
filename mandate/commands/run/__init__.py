"""Commands that start, follow and steer runs."""
