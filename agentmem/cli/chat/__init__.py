"""The chatbot: `app` opens it, `conversation` talks, `slash_commands` are what `/…` does."""
