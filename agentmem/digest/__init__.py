"""Summarize a session: a summary and keywords.

- `digest`: with a chat model if there is one and its answer is valid, else extractive.
- `textrank`: extractive summaries and keywords.
- `sentences`: splits conversations into sentences and terms.
"""
