"""Commands for whoever runs the servers and workers."""
