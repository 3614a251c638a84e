"""Stages after the search: cross-encoder reranking and relevance filtering."""
