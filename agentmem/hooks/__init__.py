"""Hooks of coding agents: recall at a prompt, ingest at the end; and their installation."""
