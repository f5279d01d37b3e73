"""What may run, under which id, in which order of phases, and when it is over."""
