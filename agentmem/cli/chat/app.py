"""Opening what a conversation needs, holding it, and leaving nothing open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem.cli.chat.conversation import Conversation
from agentmem.cli.chat.keyboard import PROMPT, Keyboard, piped
from agentmem.cli.chat.slash_commands import COMMANDS, obey
from agentmem.cli.render import complain, console, plain, show
from agentmem_stores import AgentMemError, Granularity, Memory, Scope

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentmem.controller.controller import MemoryController

__all__ = ["main", "run"]

_USAGE = """\
Nothing was said. Talk to agentmem in a terminal:

  agentmem chat --user ada

or send it lines, of which each is said, or is a command such as /memories:

  echo 'My beagle is called Biscuit.' | agentmem chat --user ada
  echo 'What is my dog called?' | agentmem chat --user ada

`agentmem chat --help` tells the options."""

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what `agentmem chat` does; by default with the arguments of the process.

    Raises:
        SystemExit: always, with the exit code.
    """
    from agentmem.__main__ import main as command_line

    command_line(["chat", *(sys.argv[1:] if arguments is None else arguments)])


def run(
    *,
    store: str | os.PathLike[str] = "~/.agentmem",
    user: str = "me",
    agent: str | None = None,
    model: str | BaseChatModel | None = None,
    clock: Callable[[], datetime] | None = None,
    lines: Iterable[str] | None = None,
) -> int:
    """Hold a conversation; return the exit code.

    Args:
        store: the folder that memories live in; made if there is none.
        user, agent: whose memories they are.
        model: a chat model, or what `init_chat_model` takes; None for SmolLM2, offline.
        clock: returns the time, aware; by default the system's.
        lines: what the user types, shown as if it were typed; by default standard input.
    """
    typed: Iterator[str] | None = None if lines is None else _echoed(lines)
    try:
        scope = Scope(user, agent)
        if typed is None and not sys.stdin.isatty():
            typed = piped()
            first = next(typed, None)
            if first is None:
                show(_USAGE)
                return 0
            typed = chain([first], typed)
        return _hold(Path(store).expanduser(), scope, model, clock, typed)
    except AgentMemError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _echoed(lines: Iterable[str]) -> Iterator[str]:
    out = console()
    for line in lines:
        out.print(PROMPT, style="bold cyan", end="")
        out.print(plain(line))
        yield line


def _hold(
    path: Path,
    scope: Scope,
    model: str | BaseChatModel | None,
    clock: Callable[[], datetime] | None,
    typed: Iterator[str] | None,
) -> int:
    from agentmem.controller.controller import MemoryController
    from agentmem.models.local_model import resolve_model

    chosen = resolve_model(model) if model is None or isinstance(model, str) else model
    with MemoryController.open(path, scope=scope, clock=clock) as memory:
        talk = Conversation(chosen, memory, console(), f"chat-{memory.clock():%Y%m%dT%H%M%S}")
        if typed is None:
            typed = iter(Keyboard(_history(memory), list(COMMANDS)))
            talk.load()
            show(f"{_greeting(memory)} /help lists what you can do besides talking.")
        return _converse(talk, typed)


def _converse(talk: Conversation, typed: Iterator[str]) -> int:
    failed = 0
    for line in typed:
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                if not obey(talk, line):
                    break
            else:
                talk.say(line)
        except AgentMemError as error:
            failed = 1
            complain(str(error))
        except Exception as error:
            # A model's provider may raise anything; what was said is stored already.
            failed = 1
            complain(f"the model failed: {type(error).__name__}: {error}")
    return failed if not sys.stdin.isatty() else 0


def _greeting(memory: MemoryController) -> str:
    name = plain(str(memory.scope))
    said = memory.get_all(granularity=Granularity.TURN, limit=1)
    if not said:
        return f"Hello, {name}. We have not met before."
    return f"Hello again, {name}. We last spoke on {said[-1].said_at:%A, %Y-%m-%d}."


def _history(memory: MemoryController) -> list[str]:
    def typed(turn: Memory) -> bool:
        return turn.role == "user" and not turn.speaker

    return [t.text for t in memory.get_all(granularity=Granularity.TURN, limit=200) if typed(t)]
