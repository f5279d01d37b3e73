"""The HTTP server that people and other systems speak to; what it serves is given to it."""
