"""Gates, and who answers them."""
