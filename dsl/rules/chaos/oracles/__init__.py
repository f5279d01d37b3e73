"""One question each: what has to hold whatever breaks."""
