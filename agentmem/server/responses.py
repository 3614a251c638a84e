"""Answers that a route writes itself, where FastAPI would do more than is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from fastapi.responses import Response
from pydantic import BaseModel

__all__ = ["serialized"]

P = ParamSpec("P")


def serialized(route: Callable[P, BaseModel]) -> Callable[P, Response]:
    """Let a route answer with the JSON of the model that it returns; OpenAPI shows the model.

    FastAPI validates what a route returns once more, in another thread. These models are made from
    values of our own, so this spares the hand-over and half of the time outside of the verb.

    Example:
        >>> class Count(BaseModel):
        ...     count: int
        >>> serialized(lambda: Count(count=2))().body
        b'{"count":2}'
    """

    @wraps(route)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        body = route(*args, **kwargs).model_dump_json()
        return Response(body, media_type="application/json")

    return answer
