"""A program for each memory system that `benchmarks.peers` measures."""
