"""What others wrote and what a plan is, made fit for people to read."""
