"""What lets any MCP client in an agent's sandbox call tools: programs beside the agent's own."""
