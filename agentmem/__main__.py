"""`python -m agentmem`, the same as the command `agentmem`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

# Programs wait for these two; see `agentmem.hooks.startup`.
_QUICK = frozenset(["hook", "mcp"])
_HELP = frozenset(["-h", "--help"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: without the program's name; None for those of the process.

    Raises:
        SystemExit: 0 on success, 1 after an `AgentMemError`, 2 after a usage error.
    """
    argv = sys.argv[1:] if arguments is None else list(arguments)
    if argv and argv[0] in _QUICK and _HELP.isdisjoint(argv):
        from agentmem.hooks.startup import run_without_typer

        if run_without_typer(argv):
            return
    from agentmem.cli.app import main as run

    run(argv)


if __name__ == "__main__":
    main()
