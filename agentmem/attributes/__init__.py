"""Find which attribute of a person a question asks for or a text states, by rules and a model."""
