"""Extract facts about people from turns, keep them current, and build the profile."""
