"""The commands `mcp` and `hook` without the command line's imports.

`agentmem --help` lists both, and Typer runs them when they are asked for help or have an option
that is not known here. Importing Typer and the records costs 0.25 s of processor time, which a
hook that delays every prompt, and a client that waits for a handshake, should not pay.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["run_without_typer"]


def run_without_typer(argv: Sequence[str]) -> bool:
    """Run `mcp` or `hook` if that is possible here; return whether it was done.

    Args:
        argv: the arguments of the process; the first is the command.
    """
    options = _parse(argv)
    if options is None:
        return False
    try:
        folder = Path(options.store).expanduser().absolute()
    except RuntimeError:
        return False  # There is no such home; the command line says so.
    if argv[0] == "mcp":
        _run_mcp(options, folder)
        return True
    return _run_hook(options, folder)


def _parse(argv: Sequence[str]) -> argparse.Namespace | None:
    environment = os.environ.get
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("-s", "--store", default=environment("AGENTMEM_STORE") or "~/.agentmem")
    parser.add_argument("-u", "--user", default=environment("AGENTMEM_USER") or "me")
    parser.add_argument("--agent", default=environment("AGENTMEM_AGENT"))
    if argv[0] == "mcp":
        parser.add_argument("--idle-timeout", type=float, default=900.0)
    else:
        parser.add_argument("event", nargs="?")
    try:
        options, unknown = parser.parse_known_args(argv[1:])
    except argparse.ArgumentError:
        return None
    # An address of a Chroma server has no folder; Typer's command says so.
    return None if unknown or "://" in options.store else options


def _run_mcp(options: argparse.Namespace, folder: Path) -> None:
    from agentmem.bridge.stdio import run

    run(folder, user=options.user, agent=options.agent, idle_timeout=options.idle_timeout)


def _run_hook(options: argparse.Namespace, folder: Path) -> bool:
    from agentmem.hooks.events import parse_event
    from agentmem.hooks.remote import answer_over_server

    raw = b"" if options.event is not None else sys.stdin.buffer.read()
    try:
        event = parse_event(options.event or raw.decode("utf-8", "replace"))
        text = answer_over_server(event, folder, user=options.user, agent=options.agent)
    except (ValueError, TypeError):
        text = None
    if text is None:
        # The command reads the event again.
        sys.stdin = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", errors="replace")
        return False
    if text:
        print(text)
    return True
