"""Many operations by several threads on one memory: `python -m tests.soak --operations 20000`."""
