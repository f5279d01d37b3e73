"""What comes in from outside, read where nothing it says can wedge a run."""
