"""Errors of Chroma, SQLite and the network become errors of agentmem."""

from __future__ import annotations

import inspect

import chromadb.errors
import httpx
import pytest

from agentmem_stores import (
    AgentMemError,
    ClosedError,
    InvalidInputError,
    StoreError,
    StoreFormatError,
    StoreUnavailableError,
)
from agentmem_stores.chroma.errors import ERRORS, translated

CHROMA_ERRORS = [
    error
    for _, error in inspect.getmembers(chromadb.errors, inspect.isclass)
    if issubclass(error, Exception)
]


@pytest.mark.parametrize("error", CHROMA_ERRORS, ids=lambda error: str(error.__name__))
def test_every_chroma_error_is_translated(error: type[Exception]) -> None:
    assert error.__name__ in ERRORS
    expected, fix = ERRORS[error.__name__]
    # The base class is abstract, so its constructor would raise.
    raised = error.__new__(error, "why")
    with pytest.raises(expected, match=f"^here: .*{fix}") as caught, translated("here"):
        raise raised
    assert isinstance(caught.value, AgentMemError)
    assert caught.value.__cause__ is raised


def test_translated_names_exist_in_chroma() -> None:
    assert set(ERRORS) == {error.__name__ for error in CHROMA_ERRORS}


@pytest.mark.parametrize(
    ("error", "expected", "fix"),
    [
        (httpx.ConnectError("refused"), StoreUnavailableError, "server runs"),
        (httpx.ReadTimeout("timed out"), StoreUnavailableError, "server runs"),
        (ValueError("Could not connect to a Chroma server."), StoreUnavailableError, "server runs"),
        (chromadb.errors.InternalError("disk image is malformed"), StoreFormatError, "export"),
        (chromadb.errors.InternalError("file is not a database"), StoreFormatError, "export"),
        (chromadb.errors.InternalError("database or disk is full"), StoreUnavailableError, "room"),
        (chromadb.errors.InternalError("a readonly database"), StoreUnavailableError, "writable"),
        (OSError(28, "No space left on device"), StoreUnavailableError, "room"),
        (PermissionError(13, "Permission denied"), StoreUnavailableError, "readable"),
        (AttributeError("bindings"), StoreError, "unexpected AttributeError"),
    ],
)
def test_other_errors_are_translated(error: Exception, expected: type[Exception], fix: str) -> None:
    with pytest.raises(expected, match=fix), translated("here"):
        raise error


def test_own_errors_pass_unchanged() -> None:
    for own in (InvalidInputError("x"), ClosedError("x")):
        with pytest.raises(AgentMemError) as caught, translated("here"):
            raise own
        assert caught.value is own


def test_panics_are_translated_but_interrupts_are_not() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(StoreError, match="crashed"), translated("here"):
        raise panic("index out of bounds")
    with pytest.raises(KeyboardInterrupt), translated("here"):
        raise KeyboardInterrupt
