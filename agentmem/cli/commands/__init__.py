"""The commands of `agentmem`; each module has a Typer app with related ones."""
