"""Show memories to a model: search them, quote them, and keep the prompt within its budget."""
