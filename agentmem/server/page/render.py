"""Render templates, with the headers that keep a page on this machine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agentmem.server.caller import Caller
from agentmem.server.page.views import percent
from agentmem_stores import AgentMemError, InvalidInputError, MemoryNotFoundError

__all__ = ["PageRoute", "render"]

FOLDER = Path(__file__).parent

# Nothing but this server is asked for anything, no script runs that it does not serve as a file,
# and no other page may frame this one.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not "no-referrer": browsers then send "Origin: null" with forms, which the server refuses.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment


def render(template: str, caller: Caller | None, *, status: int = 200, **values: Any) -> Response:
    """Return a page.

    Args:
        template: the name of its file in `templates/`.
        caller: who sees it; None where that is not known.
        values: what the template shows.
    """
    owner = "" if caller is None else str(caller.scope)
    can_write = caller is not None and not caller.principal.read_only
    html = _environment().get_template(template).render(owner=owner, can_write=can_write, **values)
    return HTMLResponse(html, status, HEADERS)


class PageRoute(APIRoute):
    """A route that answers errors with a page instead of with problem details."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await answer(request)
            except (AgentMemError, HTTPException) as error:
                return _error_page(error)

        return handler


def _error_page(error: AgentMemError | HTTPException) -> Response:
    status, title = 503, "The memory cannot be reached"
    detail = str(error)
    if isinstance(error, HTTPException):
        status, title, detail = (
            error.status_code,
            HTTPStatus(error.status_code).phrase,
            error.detail,
        )
    elif isinstance(error, MemoryNotFoundError):
        status, title = 404, "This memory is gone"
        detail = "It was forgotten, or the link is not right. Nothing is left to show."
    elif isinstance(error, InvalidInputError):
        status, title = 422, "That did not work"
    return render("error.html", None, status=status, title=title, detail=detail, page="")
