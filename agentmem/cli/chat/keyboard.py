"""Input of the chat: a person at a keyboard, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentmem_stores import MissingExtraError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

__all__ = ["PROMPT", "Keyboard", "read_stdin"]

PROMPT = "you> "


def read_stdin() -> Iterator[str]:
    """Yield the lines of stdin; bytes that are not UTF-8 become replacement characters."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")


class Keyboard:
    """Reads lines with editing, history and completion of commands.

    The history comes from the memory and is stored nowhere else, so a deleted memory is gone from
    the history too.

    Args:
        history: lines, oldest first.
        commands: completed at the start of a line.

    Raises:
        MissingExtraError: prompt_toolkit is not installed.
    """

    def __init__(self, history: Sequence[str], commands: Sequence[str]) -> None:
        try:
            from prompt_toolkit import PromptSession
            from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
            from prompt_toolkit.completion import WordCompleter
            from prompt_toolkit.history import InMemoryHistory
        except ImportError as error:
            raise MissingExtraError(
                "the chat at a terminal needs prompt_toolkit; run "
                'pip install "ebbinghaus-agentmem[chat]"'
            ) from error
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory([line for line in history if "\n" not in line]),
            auto_suggest=AutoSuggestFromHistory(),
            completer=WordCompleter(list(commands), sentence=True),
            complete_while_typing=False,
        )

    def __iter__(self) -> Iterator[str]:
        """Yield lines until Ctrl-D; Ctrl-C clears the line, or leaves if it is empty."""
        while True:
            try:
                yield self._session.prompt(PROMPT)
            except EOFError:
                return
            except KeyboardInterrupt:
                if not self._session.default_buffer.text:
                    return
