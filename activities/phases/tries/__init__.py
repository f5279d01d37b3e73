"""What a try of a phase has put out and erred, kept however it ended."""
