"""What an agent at work asks: told to its run, and waited for beside its program."""
