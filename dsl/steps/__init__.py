"""What a run sees of a stage: a file for each kind that holds no other stages."""
