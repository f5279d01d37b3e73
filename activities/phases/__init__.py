"""One activity per lifecycle phase."""
