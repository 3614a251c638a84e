"""Development tools, not part of the wheel: what a memory costs, and the weights of its search.

`bench` measures ratios to a floor taken alternately in the same run, `scale` a store of a million
memories, `peers` other memory systems, `crowd` several clients of one server; `partitions`
simulates a layout, `fit` learns the weights that ship with the package, `facts` measures the
extraction of facts, `trace` counts files and calls. `python -m benchmarks` lists all.
"""
