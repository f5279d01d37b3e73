"""One page that tells of a run to people who were not there."""
