"""Small programs that demonstrate agentmem."""
