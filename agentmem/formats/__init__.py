"""Read conversation files: JSON lines, LoCoMo, LongMemEval and MemoryBank.

A format is one module with a function `read_<format>(path)` that yields `Dialogue` objects, and one
line in the table of `read.py`.
"""
