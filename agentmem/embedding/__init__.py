"""Embed texts with any LangChain embeddings; by default with MiniLM, offline.

- `embedder`: validates, caches and counts, whatever the model.
- `sentence_embeddings`: sentence-transformers models as LangChain embeddings.
- `loading`: finds and loads the weights of these models.
- `cache`: embeddings of constant texts, stored on disk.
"""
