"""Every error that agentmem raises.

AgentMemError
├── InvalidInputError (ValueError)         an argument is invalid
│   ├── EmptyTextError                     the text is empty
│   ├── InvalidScopeError                  the scope does not name one owner
│   ├── NaiveDatetimeError                 a datetime has no time zone
│   └── DataFormatError                    a file does not match its format
├── MemoryNotFoundError (KeyError)         no such id in this scope
├── ClosedError (RuntimeError)             used after close()
├── EmbeddingError (RuntimeError)          the embedder failed or returned invalid vectors
├── WriteHookError (RuntimeError)          the hook before writing failed
├── MissingExtraError (ImportError)        an optional dependency is not installed
└── StoreError (OSError)                   the store cannot be read or written
    ├── StoreUnavailableError              the path or the server cannot be reached
    ├── StoreLockedError                   another process owns the path
    ├── StoreFormatError                   written by a newer agentmem, or not by agentmem
    └── EmbedderMismatchError              the store has vectors of another embedder
"""

from __future__ import annotations

__all__ = [
    "AgentMemError",
    "ClosedError",
    "DataFormatError",
    "EmbedderMismatchError",
    "EmbeddingError",
    "EmptyTextError",
    "InvalidInputError",
    "InvalidScopeError",
    "MemoryNotFoundError",
    "MissingExtraError",
    "NaiveDatetimeError",
    "StoreError",
    "StoreFormatError",
    "StoreLockedError",
    "StoreUnavailableError",
    "WriteHookError",
]


class AgentMemError(Exception):
    """The root of every error raised by agentmem."""


class InvalidInputError(AgentMemError, ValueError):
    """An argument is invalid; nothing was changed."""


class EmptyTextError(InvalidInputError):
    """The text is empty or only white space."""


class InvalidScopeError(InvalidInputError):
    """The scope does not name exactly one owner."""


class NaiveDatetimeError(InvalidInputError):
    """A datetime has no time zone."""


class DataFormatError(InvalidInputError):
    """An entry or a field of a file does not match the format."""


class MemoryNotFoundError(AgentMemError, KeyError):
    """The scope has no memory with this id."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would put the sentence in quotes.
        return str(self.args[0]) if self.args else ""


class ClosedError(AgentMemError, RuntimeError):
    """The controller or store was used after close()."""


class EmbeddingError(AgentMemError, RuntimeError):
    """The embedder raised, or its vectors have the wrong shape or are not finite."""


class WriteHookError(AgentMemError, RuntimeError):
    """The hook that inspects texts before they are written raised; nothing was written."""


class MissingExtraError(AgentMemError, ImportError):
    """An optional dependency is missing; the message names the command that installs it."""


class StoreError(AgentMemError, OSError):
    """The store could not be read or written."""


class StoreUnavailableError(StoreError):
    """The path or the server cannot be reached, read or written."""


class StoreLockedError(StoreError):
    """Another process, or another object in this one, owns the store's directory."""


class StoreFormatError(StoreError):
    """The store was written by a newer agentmem or another program, or is damaged."""


class EmbedderMismatchError(StoreError):
    """The store has vectors of another embedder."""
