"""Read text: tokens, dates, and what a question asks for."""
