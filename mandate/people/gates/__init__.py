"""A gate as a person meets it: what waits, what it shows, the vote and its proof."""
