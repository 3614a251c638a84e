"""Embed texts: the default offline embedder, its cache, and token counts."""
