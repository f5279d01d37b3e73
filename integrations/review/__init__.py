"""Bug watcher: what well-kept tools see in a copy of a repository, of which nothing is executed."""
