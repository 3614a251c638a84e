"""Maintain a scope: sweep, consolidate, check, repair, export and import.

- `consolidation` runs `duplicates`, `summaries` (of `topics` and days) and `eviction` in stages,
  `background` runs it in a thread.
- `eviction` archives what has faded.
- `check` reports problems, `repair` rebuilds what is derived.
- `transfer` exports and imports, `import_schema` validates the lines of an import.
- `stats` and `graph_export` describe what a scope holds.
"""
