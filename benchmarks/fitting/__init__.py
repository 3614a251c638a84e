"""Fit the ranking weights that ship with the package."""
