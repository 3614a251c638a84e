"""Development tools, not part of the wheel: what a memory costs, and the weights of its search.

`bench` measures ratios to a floor taken alternately in the same run, `crowd` runs several clients
against one server, `partitions` simulates a layout, `fit` learns the weights that ship with the
package, `facts` measures the extraction of facts, `trace` counts files and calls. Run them with
`python -m benchmarks`.
"""
