"""How votes are counted, by which rules, and what stands before a stage."""
