"""What an experiment of chaos may do to a system: the documents, and what they may ask for."""
