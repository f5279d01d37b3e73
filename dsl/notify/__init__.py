"""Where a site sends messages, and who people are there: its file, checked."""
