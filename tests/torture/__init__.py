"""Killing a process that uses a memory, over and over: `python -m tests.torture --kills 500`."""
