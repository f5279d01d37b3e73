"""The embedded stack: real servers and our workers, supervised by one process.

`mandate.stack.up.Stack` is its door. The servers are children of the supervisor: they die with
it, are restarted when they die, and never outlive a data directory's lock.
"""
