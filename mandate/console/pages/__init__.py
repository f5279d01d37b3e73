"""The pages of the console: what was found, as a browser is sent it; nothing is asked here."""
