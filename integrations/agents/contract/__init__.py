"""The contract between Mandate and an agent: what either side may say."""
