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
from starlette.datastructures import Headers

from agentmem.server.caller import Caller, read_access
from agentmem.server.page.views import percent
from agentmem_stores import AgentMemError, InvalidInputError, MemoryNotFoundError

__all__ = ["PageRoute", "error_page", "render", "wants_page"]

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
                return _page_of(error, await read_access(request))

        return handler


def error_page(status: int, title: str, detail: str, caller: Caller | None = None) -> Response:
    """Return a page that says what went wrong."""
    return render("error.html", caller, status=status, title=title, detail=detail, page="")


def wants_page(headers: Headers) -> bool:
    """Return whether a browser asks for a page, rather than a program for data."""
    return "text/html" in headers.get("accept", "")


def _page_of(error: AgentMemError | HTTPException, caller: Caller) -> Response:
    if isinstance(error, HTTPException):
        title = HTTPStatus(error.status_code).phrase
        return error_page(error.status_code, title, error.detail, caller)
    if isinstance(error, MemoryNotFoundError):
        detail = "It was forgotten, or the link is not right. Nothing is left to show."
        return error_page(404, "This memory is gone", detail, caller)
    if isinstance(error, InvalidInputError):
        return error_page(422, "That did not work", str(error), caller)
    return error_page(503, "The memory cannot be reached", str(error), caller)
