"""Extract facts about people from turns, and keep them current."""
