"""Summarize a session: its summary and its keywords."""
