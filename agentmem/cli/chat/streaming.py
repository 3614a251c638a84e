"""Print a reply while it is generated: safe for the terminal, wrapped between words."""

from __future__ import annotations

import re

from agentmem.cli.terminal import plain

__all__ = ["SafeStream", "Wrapper"]

# Longest unfinished escape sequence to wait for; real ones are far shorter.
_MAX_SEQUENCE = 4096
# The start of a sequence whose meaning the next piece decides.
_UNFINISHED = re.compile(
    "(?:\x1b|\x1b[ -/]+|(?:\x1b\\[|\x9b)[0-?]*[ -/]*|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])"
    "[^\x07\x1b\x9c]*\x1b?|\r)$"
)


class SafeStream:
    """Removes terminal control from a text that arrives in pieces.

    A sequence that is split between pieces is buffered until it is complete.
    """

    def __init__(self) -> None:
        self._buffer = ""

    def feed(self, piece: str) -> str:
        """Return the text that is safe to print now."""
        text = self._buffer + piece
        unfinished = _UNFINISHED.search(text)
        start = unfinished.start() if unfinished else len(text)
        if len(text) - start > _MAX_SEQUENCE:
            start = len(text)
        self._buffer = text[start:]
        return plain(text[:start])

    def end(self) -> str:
        """Return the rest."""
        rest, self._buffer = self._buffer, ""
        return plain(rest)


class Wrapper:
    """Inserts line feeds between words into a text that arrives in pieces.

    Args:
        width: of a line, in characters; 0 for no wrapping.
        indent: how many characters of the first line are taken.
    """

    def __init__(self, width: int, indent: int = 0) -> None:
        self._width = width
        self._column = indent
        self._word = ""

    def feed(self, piece: str) -> str:
        """Return the complete words; the last one may continue."""
        if not self._width:
            return piece
        *words, self._word = re.split(r"(?<=\s)", self._word + piece)
        return "".join(map(self._place, words))

    def end(self) -> str:
        """Return the last word."""
        word, self._word = self._word, ""
        return self._place(word) if word else ""

    def _place(self, word: str) -> str:
        prefix = ""
        if self._column and self._column + len(word.rstrip()) > self._width:
            prefix, self._column = "\n", 0
        self._column = 0 if word.endswith("\n") else self._column + len(word)
        return prefix + word
