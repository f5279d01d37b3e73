"""What is ended for runs that are over and could not end it themselves."""
