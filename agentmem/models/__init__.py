"""Chat models: resolve a model by name, call it safely, and run SmolLM2 offline."""
