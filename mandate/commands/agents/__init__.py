"""Commands for who brings agents of their own."""
