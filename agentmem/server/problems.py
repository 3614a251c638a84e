"""Errors as problem details (RFC 9457): `application/problem+json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from agentmem_stores import (
    AgentMemError,
    ClosedError,
    EmbeddingError,
    InvalidInputError,
    MemoryNotFoundError,
    StoreLockedError,
    StoreUnavailableError,
    WriteHookError,
)
from agentmem_stores.records import clean_text

__all__ = ["Problem", "install_problem_handlers", "problem_response"]

# The first class that an error is an instance of decides the status.
_STATUS: tuple[tuple[type[AgentMemError], int], ...] = (
    (InvalidInputError, 422),
    (MemoryNotFoundError, 404),
    (WriteHookError, 422),
    (ClosedError, 503),
    (EmbeddingError, 503),
    (StoreLockedError, 503),
    (StoreUnavailableError, 503),
)
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457.

    `type` ends with the name of the error class, such as `urn:agentmem:problem:memory-not-found`,
    so that a client can raise the same error.
    """

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str


def problem_response(
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """Return a problem as a response.

    Args:
        detail: one sentence that says what was wrong.
        kind: the last part of `type`; by default the status itself.
        members: further members of the problem.
    """
    title = HTTPStatus(status).phrase
    kind = kind or title.lower().replace(" ", "-")
    body = {"type": f"urn:agentmem:problem:{kind}", "title": title, "status": status}
    return JSONResponse(
        body | {"detail": clean_text(detail)[0]} | members,
        status,
        headers,
        media_type="application/problem+json",
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an app as a problem."""
    app.add_exception_handler(AgentMemError, _project_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


def _project_error(_: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    name = type(error).__name__.removesuffix("Error")
    return problem_response(status, str(error), kind=_WORD.sub("-", name).lower())


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(error.status_code, str(error.detail), headers=error.headers)


def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The input itself is left out: it may be a secret, or nothing that JSON can hold.
    errors = [
        {"location": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()
    ]
    first = errors[0]
    return problem_response(
        422,
        f"{first['location']}: {first['message']}",
        kind="invalid-input",
        errors=errors,
    )
