"""One run of a plan: which stage may start, what it is given, and what the run says at its end."""
