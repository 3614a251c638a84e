"""The chatbot in the terminal."""
