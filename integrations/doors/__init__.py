"""What comes in from where people are: whose account it was, and their vote as a run takes it."""
