"""What activities wait for before they begin, and how it is seen that they may."""
