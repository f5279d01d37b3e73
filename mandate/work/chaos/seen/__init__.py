"""What is seen of an experiment when it is over: collected from every store once, and judged."""
