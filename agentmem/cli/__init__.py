"""The command line: `agentmem`, the same as `python -m agentmem`.

Modules here import nothing heavy at the top, so that `--help` is quick.
"""
