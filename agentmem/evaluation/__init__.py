"""Measure retrieval on conversations through the public methods of a memory.

`tasks` defines what a task is, and the one for data sets with known evidence; `needle`, `updates`
and `temporal` are generated tasks. `runner` asks the questions of a task, `cache` keeps ingested
conversations between runs, `report` sums up. `cross_validation` learns ranking weights from other
conversations, which `reflection` and `abstention` need to judge one.
"""
