"""Showing a reply while it is being written: safe for the terminal, wrapped between words."""

from __future__ import annotations

import re

from agentmem.cli.render import plain

__all__ = ["SafeStream", "Wrapper"]

# The longest escape sequence that is waited for; what is longer is not one that anybody needs.
_LONGEST = 4096
# A sequence that may go on in the next piece: whatever follows decides what it was.
_UNFINISHED = re.compile(
    "(?:\x1b|\x1b[ -/]+|(?:\x1b\\[|\x9b)[0-?]*[ -/]*|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])"
    "[^\x07\x1b\x9c]*\x1b?|\r)$"
)


class SafeStream:
    """Takes pieces of a text, and gives them without what a terminal would obey.

    A sequence that is split between pieces is held back until it is whole.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return as much as can be shown."""
        text = self._held + piece
        unfinished = _UNFINISHED.search(text)
        start = unfinished.start() if unfinished else len(text)
        if len(text) - start > _LONGEST:
            start = len(text)
        self._held = text[start:]
        return plain(text[:start])

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return plain(held)


class Wrapper:
    """Takes pieces of a text, and gives them with a line feed where the next word has no room.

    Args:
        width: of a line, in characters; 0 for no wrapping.
        indent: how far the first line is filled already.
    """

    def __init__(self, width: int, indent: int = 0) -> None:
        self._width = width
        self._column = indent
        self._word = ""

    def feed(self, piece: str) -> str:
        """Return the words that are whole; the last one may go on."""
        if not self._width:
            return piece
        *done, self._word = re.split(r"(?<=\s)", self._word + piece)
        return "".join(map(self._placed, done))

    def end(self) -> str:
        """Return the last word."""
        word, self._word = self._word, ""
        return self._placed(word) if word else ""

    def _placed(self, word: str) -> str:
        needed = len(word.rstrip())
        before = ""
        if self._column and self._column + needed > self._width:
            before, self._column = "\n", 0
        self._column = 0 if word.endswith("\n") else self._column + len(word)
        return before + word
