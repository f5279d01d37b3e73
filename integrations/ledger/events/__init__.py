"""What single entries say of agents, plans and circuits."""
