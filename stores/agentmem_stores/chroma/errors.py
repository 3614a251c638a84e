"""Translation of Chroma's errors into agentmem's; no other module does this."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agentmem_stores.errors import (
    AgentMemError,
    InvalidInputError,
    StoreError,
    StoreFormatError,
    StoreUnavailableError,
)

__all__ = ["ERRORS", "translate", "translated"]

# What each error of Chroma becomes, and how to fix it. By name, because importing chromadb.errors
# loads all of Chroma; a test compares the names.
ERRORS: dict[str, tuple[type[AgentMemError], str]] = {
    "InvalidDimensionException": (InvalidInputError, "embed with the store's own embedder"),
    "InvalidArgumentError": (InvalidInputError, "Chroma rejects the value"),
    "IDAlreadyExistsError": (InvalidInputError, "the id exists already"),
    "DuplicateIDError": (InvalidInputError, "the id appears twice"),
    "InvalidUUIDError": (StoreFormatError, "restore the store from an export"),
    "BatchSizeExceededError": (InvalidInputError, "write smaller batches"),
    "UniqueConstraintError": (StoreError, "another client created it first; try again"),
    "NotFoundError": (StoreError, "another program deleted it; open the store again"),
    "ChromaAuthError": (StoreUnavailableError, "check headers, tenant and database"),
    "AuthorizationError": (StoreUnavailableError, "check headers, tenant and database"),
    "InvalidHTTPVersion": (StoreUnavailableError, "check host and port"),
    "RateLimitError": (StoreUnavailableError, "wait, then try again"),
    "QuotaError": (StoreUnavailableError, "raise the quota or delete memories"),
    "VersionMismatchError": (StoreFormatError, "use the same chromadb on both sides"),
    "InternalError": (StoreError, "see Chroma's log"),
    "ChromaError": (StoreError, "see Chroma's log"),
}

# The same by what the message contains: SQLite and the operating system speak through
# InternalError. The first match counts.
_MESSAGES: dict[str, tuple[type[AgentMemError], str]] = {
    "malformed": (StoreFormatError, "restore the store from an export"),
    "not a database": (StoreFormatError, "restore the store from an export"),
    "failed to pull logs": (StoreFormatError, "restore the store from a backup or an export"),
    "could not deserialize": (StoreFormatError, "restore the store from a backup or an export"),
    "no space left": (StoreUnavailableError, "make room on the disk"),
    "is full": (StoreUnavailableError, "make room on the disk"),
    "file too large": (StoreUnavailableError, "raise the file size limit or make room"),
    "failed to apply logs": (StoreUnavailableError, "make room on the disk or the path writable"),
    "purging logs": (StoreUnavailableError, "make the path writable and room on the disk"),
    "pickle": (StoreFormatError, "close the store and run `agentmem check --repair`"),
    "readonly": (StoreUnavailableError, "make the path writable"),
    "unable to open": (StoreUnavailableError, "make the path readable and writable"),
    "disk i/o": (StoreUnavailableError, "check the disk"),
    "locked": (StoreUnavailableError, "close the other program that has the store open"),
}


def translate(error: BaseException, where: str) -> AgentMemError | None:
    """Return agentmem's error for one of Chroma, SQLite, the network or the operating system.

    Args:
        error: what was raised.
        where: what messages call the store: its path, or the server's host and port.

    Returns:
        The error to raise instead; None if `error` must be raised as it is, because it is
        agentmem's own or an interrupt.
    """
    if isinstance(error, AgentMemError):
        return None
    if isinstance(error, Exception):
        kind, fix = _classify(error)
        message = str(error).strip().rstrip(".") or type(error).__name__
        return kind(f"{where}: {message}; {fix}")
    # Panics of Chroma's Rust core derive from BaseException.
    if type(error).__name__ == "PanicException":
        return StoreError(f"Chroma crashed on {where}: {error}; open the store again")
    return None


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what `translate` returns for an error in the block."""
    try:
        yield
    except BaseException as error:
        translation = translate(error, where)
        if translation is None:
            raise
        raise translation from error


def _classify(error: Exception) -> tuple[type[AgentMemError], str]:
    message = str(error).lower()
    package = type(error).__module__.partition(".")[0]
    if package in ("httpx", "httpcore") or "connect" in message:
        return StoreUnavailableError, "check that the Chroma server runs and can be reached"
    for part, outcome in _MESSAGES.items():
        if part in message:
            return outcome
    for base in type(error).__mro__:
        if base.__name__ in ERRORS:
            return ERRORS[base.__name__]
    if isinstance(error, OSError):
        return StoreUnavailableError, "make the path readable and writable"
    return StoreError, f"an unexpected {type(error).__name__} from Chroma"
