"""No error of Chroma, SQLite or the network comes out as it is."""

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
from agentmem_stores.chroma import errors as _translate

CHROMAS = [
    error
    for _, error in inspect.getmembers(chromadb.errors, inspect.isclass)
    if issubclass(error, Exception)
]


@pytest.mark.parametrize("error", CHROMAS, ids=lambda error: str(error.__name__))
def test_every_error_of_chroma_is_mapped(error: type[Exception]) -> None:
    assert error.__name__ in _translate.ERRORS
    expected, fix = _translate.ERRORS[error.__name__]
    # The base class is abstract, but only to those who make it in the ordinary way.
    raised = error.__new__(error, "why")
    with pytest.raises(expected, match=f"^here: .*{fix}") as caught, _translate.translated("here"):
        raise raised
    assert isinstance(caught.value, AgentMemError)
    assert caught.value.__cause__ is raised


def test_nothing_is_mapped_that_does_not_exist() -> None:
    assert set(_translate.ERRORS) == {error.__name__ for error in CHROMAS}


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
def test_other_errors(error: Exception, expected: type[Exception], fix: str) -> None:
    with pytest.raises(expected, match=fix), _translate.translated("here"):
        raise error


def test_agentmems_own_errors_pass() -> None:
    for own in (InvalidInputError("x"), ClosedError("x")):
        with pytest.raises(AgentMemError) as caught, _translate.translated("here"):
            raise own
        assert caught.value is own


def test_panics_are_translated_and_interrupts_are_not() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(StoreError, match="broke down"), _translate.translated("here"):
        raise panic("index out of bounds")
    with pytest.raises(KeyboardInterrupt), _translate.translated("here"):
        raise KeyboardInterrupt
