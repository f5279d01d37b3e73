"""What is asked of whoever tells people of runs."""
