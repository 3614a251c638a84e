"""A short story about remembering and forgetting, told by the chatbot itself."""
