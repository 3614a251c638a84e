"""`create_app`: the FastAPI application over one controller."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from agentmem.controller import MemoryController
from agentmem.discovery import proof
from agentmem.server import routes
from agentmem.server.access import COOKIE, LOGIN_HINT, AccessMiddleware, Hosts
from agentmem.server.auth import PageSessions, Principal, TokenStore
from agentmem.server.idle import Activity, ActivityMiddleware
from agentmem.server.limits import Limits
from agentmem.server.logs import log_request
from agentmem.server.mcp import create_mcp_server
from agentmem.server.metrics import Metrics
from agentmem.server.observers import ObserverMiddleware
from agentmem.server.page import install_page
from agentmem.server.page.render import error_page, wants_page
from agentmem.server.problems import Problem, install_problem_handlers, problem_response
from agentmem.server.searches import RecentSearches
from agentmem_stores import Scope

__all__ = ["ServerState", "create_app"]


@dataclass(frozen=True)
class ServerState:
    """What the routes of one server share, as `request.app.state.server`.

    Attributes:
        memory: the store's only controller; calls pass `scope=`.
        owner: whose memories the holder of `secret` means.
        secret: the token of the store's folder.
        tokens: further tokens.
        activity: when the server was last used.
        metrics: of requests.
        sessions: logins of the page.
    """

    memory: MemoryController
    owner: Scope
    secret: str
    tokens: TokenStore
    activity: Activity
    metrics: Metrics
    sessions: PageSessions = field(default_factory=PageSessions)

    def new_link(self, base_url: str) -> str:
        """Return an address that opens the page, once."""
        code = self.sessions.new_link(Principal(self.owner, "page"))
        return f"{base_url.rstrip('/')}/login?code={code}"


def create_app(
    memory: MemoryController,
    *,
    owner: Scope,
    folder: Path,
    secret: str | None = None,
    hosts: Hosts | None = None,
    limits: Limits | None = None,
    inner_lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """Return the application; closing it closes the controller.

    Args:
        memory: opened without a scope or with one; every request names its own.
        owner: whose memories the holder of `secret` means.
        folder: where the tokens are stored, the folder of the store.
        secret: the token that may name any owner; by default a random one.
        hosts: names under which the server may be addressed; by default those of loopback.
        limits: of requests.
        inner_lifespan: entered when the application starts, and left when it stops, before the
            controller is closed.
    """
    activity = Activity()
    state = ServerState(
        memory,
        owner,
        secret or secrets.token_urlsafe(32),
        TokenStore(folder),
        activity,
        Metrics(activity),
    )

    mcp = create_mcp_server(memory, _version())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with mcp.session_manager.run(), (inner_lifespan or nullcontext)(app):
                yield
        finally:
            # Pending recalls are written and open sessions ended.
            memory.close()

    app = FastAPI(
        title="agentmem",
        version=_version(),
        summary="Long-term memory for agents.",
        lifespan=lifespan,
        # These pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": Problem, "description": "Problem details (RFC 9457)"}},
    )
    app.state.server = state
    app.state.searches = RecentSearches()
    memory.services.add_listener(app.state.searches)
    _add_routes(app, mcp)
    app.add_middleware(
        AccessMiddleware,
        secret=state.secret,
        owner=owner,
        tokens=state.tokens,
        sessions=state.sessions,
        hosts=hosts or Hosts.of(),
        limits=limits or Limits(),
    )
    # The last one added is the first to see a request.
    app.add_middleware(ActivityMiddleware, activity=state.activity)
    app.add_middleware(ObserverMiddleware, observers=[state.metrics.record, log_request])
    return app


def _add_routes(app: FastAPI, mcp: MCPServer[Any]) -> None:
    install_problem_handlers(app)
    app.add_api_route("/healthz", _healthz, tags=["server"])
    app.add_api_route("/metrics", _metrics, tags=["server"], response_class=PlainTextResponse)
    app.add_api_route("/login", _login, include_in_schema=False)
    app.include_router(routes.router, prefix="/v1")
    # Stateless, so that a client continues after the server was restarted. `AccessMiddleware`
    # checks Host and Origin for all routes.
    mcp_app = mcp.streamable_http_app(
        json_response=True,
        stateless_http=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    app.router.routes.extend(mcp_app.routes)
    install_page(app)


async def _healthz(request: Request, challenge: str = "") -> dict[str, str]:
    """Report that the server runs. `proof` proves that it knows the token of the store's folder."""
    server: ServerState = request.app.state.server
    status = {"status": "ok", "version": request.app.version}
    return status | ({"proof": proof(server.secret, challenge)} if challenge else {})


async def _metrics(request: Request) -> Response:
    """Return metrics in Prometheus's text format."""
    server: ServerState = request.app.state.server
    return server.metrics.response()


async def _login(request: Request, code: str = "") -> Response:
    """Redeem a link for a cookie, and open the page."""
    server: ServerState = request.app.state.server
    cookie = server.sessions.redeem(code)
    if cookie is None and wants_page(request.headers):
        return error_page(403, "This link was used or has expired", LOGIN_HINT)
    if cookie is None:
        return problem_response(
            403, "this link was used or has expired; `agentmem serve` prints a new one"
        )
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _version() -> str:
    try:
        return version("ebbinghaus-agentmem")
    except PackageNotFoundError:
        return "0"
