"""When an outside system is called, and when it is left in peace; what an agent may err."""
