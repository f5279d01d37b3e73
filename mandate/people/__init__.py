"""What people do at the command line as themselves: log in, look, vote, vouch."""
