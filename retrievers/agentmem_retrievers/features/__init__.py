"""Features of candidate turns: lexical, late interaction, term expansion, time."""
