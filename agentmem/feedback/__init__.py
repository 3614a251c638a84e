"""Learn from use: recalls strengthen memories, citations adjust ranking, plans keep outcomes."""
