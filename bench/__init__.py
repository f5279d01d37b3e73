"""Benchmarks: this engine against bare Temporal, on one server, in one run."""
