"""Open what a chat needs, run it, and close everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem.cli.chat.conversation import Conversation
from agentmem.cli.chat.keyboard import PROMPT, Keyboard, read_stdin
from agentmem.cli.chat.slash_commands import COMMANDS, run_command
from agentmem.cli.options import DEFAULT_STORE, DEFAULT_USER, open_store
from agentmem.cli.terminal import console, note, plain, print_error, show
from agentmem.folders import expand_home
from agentmem_stores import AgentMemError, Granularity, Scope

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentmem.client import Client
    from agentmem.controller.controller import MemoryController

__all__ = ["run"]

_USAGE = """\
stdin is empty. Chat in a terminal:

  agentmem chat --user ada

or pipe lines, each a message or a command such as /memories:

  echo 'My beagle is called Biscuit.' | agentmem chat --user ada
  echo 'What is my dog called?' | agentmem chat --user ada

`agentmem chat --help` lists the options."""

_SMALL_MODEL = (
    "SmolLM2-135M replies here, a very small model that is often wrong. It quotes a memory where "
    "it can, and the line below a reply shows the memory that it rests on. --model names a larger "
    "one."
)

# What shells expect after Ctrl-C: 128 + SIGINT.
_INTERRUPTED = 130
# Newest turns from which the history of the input line is taken.
_HISTORY = 200


def run(
    *,
    store: str | os.PathLike[str] = DEFAULT_STORE,
    user: str = DEFAULT_USER,
    agent: str | None = None,
    model: str | BaseChatModel | None = None,
    clock: Callable[[], datetime] | None = None,
    lines: Iterable[str] | None = None,
) -> int:
    """Hold a conversation and return the exit code.

    Args:
        store: folder of the memories; created if missing.
        user, agent: who owns the memories.
        model: a chat model, or a name for `init_chat_model`; None for SmolLM2, offline.
        clock: returns the time, aware; None for the system's.
        lines: input, which is echoed; None for stdin.
    """
    typed: Iterator[str] | None = None if lines is None else _echo(lines)
    try:
        scope = Scope(user, agent)
        if typed is None and not sys.stdin.isatty():
            typed = read_stdin()
            first = next(typed, None)
            if first is None:
                show(_USAGE)
                return 0
            typed = chain([first], typed)
        return _chat(expand_home(Path(store)), scope, model, clock, typed)
    except AgentMemError as error:
        print_error(str(error))
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _echo(lines: Iterable[str]) -> Iterator[str]:
    out = console()
    for line in lines:
        out.print(PROMPT, style="bold cyan", end="")
        out.print(plain(line))
        yield line


def _chat(
    path: Path,
    scope: Scope,
    model: str | BaseChatModel | None,
    clock: Callable[[], datetime] | None,
    typed: Iterator[str] | None,
) -> int:
    from agentmem.models.local_model import LocalChatModel, resolve_model

    chat_model = resolve_model(model) if model is None or isinstance(model, str) else model
    with open_store(path, scope, create=True, clock=clock) as memory:
        session_id = f"chat-{memory.clock():%Y%m%dT%H%M%S}"
        conversation = Conversation(chat_model, memory, console(), session_id)
        if isinstance(chat_model, LocalChatModel):
            note(_SMALL_MODEL)
        if typed is None:
            typed = iter(Keyboard(_history(memory), list(COMMANDS)))
            conversation.load()
            show(f"{_greeting(memory)} Type /help for commands.")
        return _loop(conversation, typed)


def _loop(conversation: Conversation, typed: Iterator[str]) -> int:
    failed = 0
    for line in typed:
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                if not run_command(conversation, line):
                    break
            else:
                conversation.send(line)
        except AgentMemError as error:
            failed = 1
            print_error(str(error))
        except Exception as error:
            # A provider may raise anything; the user's message is stored already.
            failed = 1
            print_error(f"the model failed: {type(error).__name__}: {error}")
    return failed if not sys.stdin.isatty() else 0


def _greeting(memory: MemoryController | Client) -> str:
    name = plain(str(memory.scope))
    last = memory.get_all(granularity=Granularity.TURN, limit=1)
    if not last:
        return f"Hello, {name}. We have not met before."
    return f"Hello again, {name}. We last spoke on {last[-1].said_at:%A, %Y-%m-%d}."


def _history(memory: MemoryController | Client) -> list[str]:
    turns = memory.get_all(granularity=Granularity.TURN, limit=_HISTORY)
    return [turn.text for turn in turns if turn.role == "user" and not turn.speaker]
