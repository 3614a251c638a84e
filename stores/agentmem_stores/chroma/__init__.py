"""`ChromaStore`: memories in Chroma, embedded in this process or on a server."""
