"""Read conversation files: LoCoMo, LongMemEval, MemoryBank, JSON lines."""
