"""Read conversation files: data sets, chat exports, transcripts and JSON lines.

A format is one module with a function `read_<format>(path)` that yields `Dialogue` objects, and one
line in the table of `read.py`.
"""
