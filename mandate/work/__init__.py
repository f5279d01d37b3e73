"""What commands do, where it is more than a few lines: imported when the command runs."""
