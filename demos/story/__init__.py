"""A short story about remembering and forgetting, played with the chat."""
