"""From candidates to an order: scoring, second stage, sessions, latest value, multi-hop."""
