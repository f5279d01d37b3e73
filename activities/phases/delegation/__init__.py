"""Around the work of somebody else's activity or workflow: begun, held, and its answer taken."""
