"""`python -m agentmem`, the same as the command `agentmem`."""

from __future__ import annotations

from agentmem.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
