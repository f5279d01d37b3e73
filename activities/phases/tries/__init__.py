"""What a try of a phase has put out, kept however it ended."""
