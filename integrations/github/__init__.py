"""GitHub: checks, comments and deployments that show a run, and votes that come from there."""
