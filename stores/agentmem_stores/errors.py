"""Every error that agentmem raises.

AgentMemError
├── InvalidInputError (ValueError)         an argument cannot be taken
│   ├── EmptyTextError                     there is nothing to remember
│   ├── InvalidScopeError                  an owner that names nobody, or everybody
│   ├── NaiveDatetimeError                 a time without a time zone
│   └── DataFormatError                    a file is not what it should be
├── MemoryNotFoundError (KeyError)         no such id in this scope
├── ClosedError (RuntimeError)             used after close()
├── EmbeddingError (RuntimeError)          the embedder failed or returned nonsense
├── WriteHookError (RuntimeError)          the hook before writing failed
├── MissingExtraError (ImportError)        an optional dependency is not installed
└── StoreError (OSError)                   the store cannot be read or written
    ├── StoreUnavailableError              the path or the server cannot be reached
    ├── StoreLockedError                   another process owns the path
    ├── StoreFormatError                   written by a newer agentmem, or not by agentmem
    └── EmbedderMismatchError              the store holds another embedder's vectors
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
    """An argument cannot be taken; nothing was changed."""


class EmptyTextError(InvalidInputError):
    """The text is empty or only white space."""


class InvalidScopeError(InvalidInputError):
    """The scope does not name exactly one owner."""


class NaiveDatetimeError(InvalidInputError):
    """A datetime carries no time zone."""


class DataFormatError(InvalidInputError):
    """A file's entry or field is not what its format says."""


class MemoryNotFoundError(AgentMemError, KeyError):
    """No memory of this id exists in the scope."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which hides a sentence behind quotes.
        return str(self.args[0]) if self.args else ""


class ClosedError(AgentMemError, RuntimeError):
    """The controller or store was used after close()."""


class EmbeddingError(AgentMemError, RuntimeError):
    """The embedder raised, or returned vectors of the wrong shape or not finite."""


class WriteHookError(AgentMemError, RuntimeError):
    """The hook that sees texts before they are written raised; nothing was written."""


class MissingExtraError(AgentMemError, ImportError):
    """An optional dependency is missing; the message names the command that installs it."""


class StoreError(AgentMemError, OSError):
    """The store could not be read or written."""


class StoreUnavailableError(StoreError):
    """The path or the server cannot be reached, read or written."""


class StoreLockedError(StoreError):
    """Another process, or another object in this one, owns the store's directory."""


class StoreFormatError(StoreError):
    """The directory was written by a newer agentmem, or by something else."""


class EmbedderMismatchError(StoreError):
    """The store's vectors come from another embedder."""
