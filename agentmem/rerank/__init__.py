"""Stages after the search: reranking by a cross-encoder, and filtering by a chat model."""
