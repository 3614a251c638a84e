"""Rules that read what people say of themselves, of relatives and of pets, clause by clause."""
