"""Learn from use: recalls strengthen memories, citations adjust the ranking, plans count outcomes.

- `reinforcement`: recalls, collected during searches and written afterwards.
- `reflection`: which memories an answer cited.
- `plans`: ways of reaching a goal, and how they went.
"""
