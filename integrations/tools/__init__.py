"""Tool servers: started in a sandbox of their own, asked for their tools, and spoken to in MCP."""
