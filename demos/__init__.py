"""Small programs that show what agentmem does."""
