"""One agent: look at it, rebind it, or check its program."""
