"""Plans before they run: compiled, registered, and looked at for what cannot succeed."""
