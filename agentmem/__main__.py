"""`python -m agentmem`, the same as the command `agentmem`."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; by default with the arguments of the process.

    Raises:
        SystemExit: always; 0 on success, 1 after an error of agentmem, 2 after a usage error.
    """
    import agentmem.cli.commands  # noqa: F401  (registers the commands)
    from agentmem.cli.app import app

    app(args=arguments, prog_name="agentmem")


if __name__ == "__main__":
    main()
