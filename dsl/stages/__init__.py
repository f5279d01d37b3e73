"""What an author may write of a stage: a file for each kind that holds no other stages."""
