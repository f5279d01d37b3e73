"""Whether outside systems are well, as one process sees it."""
