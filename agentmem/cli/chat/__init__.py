"""A chatbot in the terminal that remembers."""
