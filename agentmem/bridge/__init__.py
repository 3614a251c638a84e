"""`agentmem mcp`: MCP over stdin and stdout, answered by the server that owns the store."""
