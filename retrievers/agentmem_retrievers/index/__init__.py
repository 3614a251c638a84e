"""The derived index of a scope: tables, postings, vocabulary, graph, and its persistence."""
