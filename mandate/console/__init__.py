"""The server of `mandate serve`: what stands behind its hooks and its pages."""
