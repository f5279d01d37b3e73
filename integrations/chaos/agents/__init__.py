"""The agents that share one objective while things break: programs, each with its template."""
