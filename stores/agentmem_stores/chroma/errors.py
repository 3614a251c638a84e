"""The one boundary at which Chroma's errors become agentmem's."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from agentmem_stores.errors import (
    AgentMemError,
    ClosedError,
    InvalidInputError,
    StoreError,
    StoreFormatError,
    StoreUnavailableError,
)

__all__ = ["Guarded", "guarded", "translated"]

P = ParamSpec("P")
R = TypeVar("R")


class Guarded(Protocol):
    """A store whose methods `guarded` wraps."""

    _closed: bool
    _where: str

    @property
    def _process(self) -> int: ...


S = TypeVar("S", bound=Guarded)

# By name, so that naming them does not load Chroma; a test compares with chromadb.errors.
ERRORS: dict[str, tuple[type[AgentMemError], str]] = {
    "InvalidDimensionException": (InvalidInputError, "embed with the store's own embedder"),
    "InvalidArgumentError": (InvalidInputError, "Chroma refuses the value"),
    "IDAlreadyExistsError": (InvalidInputError, "the id is taken"),
    "DuplicateIDError": (InvalidInputError, "the id appears twice"),
    "InvalidUUIDError": (StoreFormatError, "restore the store from an export"),
    "BatchSizeExceededError": (InvalidInputError, "write smaller batches"),
    "UniqueConstraintError": (StoreError, "another client made it first; try again"),
    "NotFoundError": (StoreError, "something else deleted it; open the store again"),
    "ChromaAuthError": (StoreUnavailableError, "check headers, tenant and database"),
    "AuthorizationError": (StoreUnavailableError, "check headers, tenant and database"),
    "InvalidHTTPVersion": (StoreUnavailableError, "check host and port"),
    "RateLimitError": (StoreUnavailableError, "wait, then try again"),
    "QuotaError": (StoreUnavailableError, "raise the quota or delete memories"),
    "VersionMismatchError": (StoreFormatError, "use the same chromadb on both sides"),
    "InternalError": (StoreError, "see Chroma's log"),
    "ChromaError": (StoreError, "see Chroma's log"),
}

# What SQLite says inside an InternalError.
_SAYINGS: dict[str, tuple[type[AgentMemError], str]] = {
    "malformed": (StoreFormatError, "restore the store from an export"),
    "not a database": (StoreFormatError, "restore the store from an export"),
    "failed to pull logs": (StoreFormatError, "restore the store from a backup or an export"),
    "could not deserialize": (StoreFormatError, "restore the store from a backup or an export"),
    "no space left": (StoreUnavailableError, "make room on the disk"),
    "is full": (StoreUnavailableError, "make room on the disk"),
    "file too large": (StoreUnavailableError, "raise the limit of sizes of files, or make room"),
    "failed to apply logs": (StoreUnavailableError, "make room on the disk, or the path writable"),
    "purging logs": (StoreUnavailableError, "make the path writable, and room on the disk"),
    "pickle": (StoreFormatError, "close the store and run `agentmem check --repair`"),
    "readonly": (StoreUnavailableError, "make the path writable"),
    "unable to open": (StoreUnavailableError, "make the path readable and writable"),
    "disk i/o": (StoreUnavailableError, "check the disk"),
    "locked": (StoreUnavailableError, "close what else has the store open"),
}


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise agentmem's error for whatever Chroma raises.

    Args:
        where: what the store is called in messages: its path, or host and port.
    """
    try:
        yield
    except AgentMemError:
        raise
    except Exception as error:
        raise _translation(error, where) from error
    except BaseException as error:
        # Panics of Chroma's Rust core are no Exceptions; interrupts must pass.
        if type(error).__name__ != "PanicException":
            raise
        raise StoreError(f"Chroma broke down on {where}: {error}; open the store again") from error


def guarded(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Translate errors of a store's method, and refuse it after close()."""

    @functools.wraps(method)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            _require_open(self)
            with translated(self._where):
                return method(self, *args, **kwargs)
        except StoreError:
            # Closed by another thread in the meantime: that is what went wrong.
            _require_open(self)
            raise

    return cast("Callable[Concatenate[S, P], R]", call)


def _require_open(store: Guarded) -> None:
    if store._closed:
        raise ClosedError(f"the store {store._where} is closed; open it again")
    if os.getpid() != store._process:
        raise ClosedError(
            f"the store {store._where} was opened before this process was forked off; open one here"
        )


def _translation(error: Exception, where: str) -> AgentMemError:
    kind, fix = _kind(error)
    said = str(error).strip().rstrip(".") or type(error).__name__
    return kind(f"{where}: {said}; {fix}")


def _kind(error: Exception) -> tuple[type[AgentMemError], str]:
    said = str(error).lower()
    names = [base.__name__ for base in type(error).__mro__]
    if type(error).__module__.partition(".")[0] in ("httpx", "httpcore") or "connect" in said:
        return StoreUnavailableError, "check that the Chroma server runs and can be reached"
    for saying, outcome in _SAYINGS.items():
        if saying in said:
            return outcome
    for name in names:
        if name in ERRORS:
            return ERRORS[name]
    if isinstance(error, OSError):
        return StoreUnavailableError, "make the path readable and writable"
    return StoreError, f"an unexpected {type(error).__name__} from Chroma"
