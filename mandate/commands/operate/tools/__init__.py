"""The tool servers, and what of their tools is pinned."""
