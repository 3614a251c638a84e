"""Where the lines come from: a person with a keyboard, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from agentmem_stores import MissingExtraError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

__all__ = ["PROMPT", "Keyboard", "piped"]

PROMPT = "you> "


def piped() -> Iterator[str]:
    """Yield the lines of standard input; bytes that are no UTF-8 are replaced."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")


class Keyboard:
    """Reads lines with editing, a history, and completion of commands.

    The history is what the user said before, taken from the memory and kept nowhere else, so
    that what is forgotten is gone from it too.

    Args:
        history: lines, oldest first.
        commands: words that are completed at the start of a line.

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
                "typing needs prompt_toolkit; install it with: "
                'pip install "ebbinghaus-agentmem[chat]"'
            ) from error
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory([line for line in history if "\n" not in line]),
            auto_suggest=AutoSuggestFromHistory(),
            completer=WordCompleter(list(commands), sentence=True),
            complete_while_typing=False,
        )

    def __iter__(self) -> Iterator[str]:
        """Yield lines until Ctrl-D; Ctrl-C empties the line, and on an empty one leaves."""
        while True:
            try:
                yield self._session.prompt(PROMPT)
            except EOFError:
                return
            except KeyboardInterrupt:
                if not self._session.default_buffer.text:
                    return
