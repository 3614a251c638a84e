"""Evaluate retrieval on conversations through the public verbs: tasks, metrics, reports."""
