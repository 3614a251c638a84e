"""Files of an embedded store: its directory, HNSW index files, change log and compaction."""
