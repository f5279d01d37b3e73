"""The contract between Mandate and an agent, as values: what either side may write."""
