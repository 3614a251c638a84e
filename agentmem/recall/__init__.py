"""Spend a token budget on memories: how much to recall, and at which granularity.

- `router` decides by the entropy of the search's scores.
- `recall` chooses and renders the lines; `excerpt` shortens long texts.
- `context` is what callers get.
"""
