"""The shop of ``mandate demo tools``: a fake payment server, and an agent that pays refunds."""
