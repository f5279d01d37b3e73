"""Messages about runs, to people: one channel for each kind of destination."""
