"""Keep a scope in order: sweep, consolidate, check, repair, export and import."""
