"""Access control of every request: host, origin, token, rate, size.

This is an ASGI middleware rather than a dependency, so that no route, mounted app or static file
can forget it.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from agentmem.server.auth import PageSessions, Principal, TokenStore
from agentmem.server.limits import BodyReader, Limits, RateLimiter
from agentmem.server.page.render import error_page, wants_page
from agentmem.server.problems import problem_response
from agentmem_stores import InvalidScopeError, Scope

__all__ = ["COOKIE", "LOGIN_HINT", "AccessMiddleware", "Hosts"]

COOKIE = "agentmem_session"
LOGIN_HINT = "The command agentmem serve prints a link that opens the page once, for this browser."
# Requests that need no token. `/login` redeems a link, `/static/` holds no memories.
_PUBLIC = ("/healthz", "/login")
_PUBLIC_PREFIXES = ("/static/",)
_SAFE = frozenset(["GET", "HEAD", "OPTIONS"])
_UPLOADS = frozenset(["/v1/import"])
# A client chooses its name, which is stored with what it writes.
_MAX_CLIENT_NAME = 64
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Hosts:
    """Names under which the server may be addressed.

    A page of another site can let its own name resolve to this machine (DNS rebinding), and then
    reads what the server returns. Its requests carry that name as Host and Origin.

    >>> hosts = Hosts.of("127.0.0.1")
    >>> hosts.allow("localhost:8377"), hosts.allow("evil.example:8377")
    (True, False)
    """

    names: frozenset[str]

    @classmethod
    def of(cls, *names: str) -> Hosts:
        """Return loopback names, and these."""
        return cls(frozenset([*_LOOPBACK, *(name.lower().strip("[]") for name in names)]))

    def allow(self, host: str) -> bool:
        """Return whether a Host header is one of the names, with any port."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name in self.names and "@" not in host and "/" not in host

    def allow_origin(self, origin: str, host: str) -> bool:
        """Return whether an Origin header is this server itself."""
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


@dataclass
class AccessMiddleware:
    """Checks requests, and stores who makes them in `request.state.principal`.

    Args:
        app: what is called with the requests that pass.
        secret: the token of the store's folder.
        owner: whose memories its holder means.
        tokens: further tokens.
        sessions: logins of the page.
    """

    app: ASGIApp
    secret: str
    owner: Scope
    tokens: TokenStore
    sessions: PageSessions
    hosts: Hosts
    limits: Limits

    def __post_init__(self) -> None:
        self._rate = RateLimiter(self.limits.rate, self.limits.burst)

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if connection["type"] != "http":
            await self.app(connection, receive, send)
            return
        headers = Headers(scope=connection)
        try:
            self._check_host(headers)
            if not _is_public(connection["path"]):
                principal = self._principal(connection["method"], headers)
                self._check_rate(principal)
                connection.setdefault("state", {})["principal"] = principal
            reader = self._reader(connection, headers, receive)
        except HTTPException as error:
            await _refuse(error, connection, receive, send)
            return
        await self._call(reader, connection, send)

    async def _call(self, reader: BodyReader, connection: Connection, send: Send) -> None:
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(connection, reader, sending)
        except HTTPException as error:
            # A mounted app has no handler for what its `receive` raised.
            if started:
                raise
            await _refuse(error, connection, reader.receive, send)

    def _check_host(self, headers: Headers) -> None:
        values = headers.getlist("host")
        if len(values) != 1 or not self.hosts.allow(values[0]):
            raise HTTPException(
                421, "this server has another name; start it with --allow-host to add one"
            )
        origin = headers.get("origin")
        if origin is not None and not self.hosts.allow_origin(origin, values[0]):
            raise HTTPException(403, "requests from pages of another origin are refused")

    def _principal(self, method: str, headers: Headers) -> Principal:
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and text:
            return self._bearer(text.strip(), headers)
        cookie = _cookie(headers)
        principal = self.sessions.find(cookie) if cookie else None
        if principal is None:
            raise _unauthorized("pass a token: Authorization: Bearer TOKEN")
        # SameSite=Strict keeps other sites from sending the cookie; this holds in any browser.
        if method not in _SAFE and not _same_origin(headers):
            raise HTTPException(403, "a write with a cookie needs the Origin of this server")
        return principal

    def _bearer(self, text: str, headers: Headers) -> Principal:
        # In constant time, so that the time of a response says nothing about the secret.
        if secrets.compare_digest(text.encode("utf-8", "replace"), self.secret.encode()):
            client = unquote(headers.get("x-agentmem-client", "local"))[:_MAX_CLIENT_NAME]
            return Principal(_named_owner(headers, self.owner), client, local=True)
        token = self.tokens.find(text)
        if token is None:
            raise _unauthorized("the token is not valid", error="invalid_token")
        if token.expired:
            raise _unauthorized("the token has expired", error="invalid_token")
        return token.principal

    def _check_rate(self, principal: Principal) -> None:
        # The holder of this token can read the store's folder, so a limit would protect nothing.
        wait = 0.0 if principal.local else self._rate.wait(principal.key)
        if wait:
            raise HTTPException(
                429,
                f"more than {self.limits.rate:g} requests per second",
                {"Retry-After": str(math.ceil(wait))},
            )

    def _reader(self, connection: Connection, headers: Headers, receive: Receive) -> BodyReader:
        upload = connection["path"] in _UPLOADS
        max_bytes = self.limits.upload_bytes if upload else self.limits.body_bytes
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > max_bytes:
            raise HTTPException(413, f"the body has more than {max_bytes:,} bytes")
        return BodyReader(receive, max_bytes, self.limits.body_seconds, per_piece=upload)


def _is_public(path: str) -> bool:
    return path in _PUBLIC or path.startswith(_PUBLIC_PREFIXES)


def _named_owner(headers: Headers, default: Scope) -> Scope:
    """Return the owner that a client names in its headers; see `agentmem.client`."""
    user = headers.get("x-agentmem-user")
    if user is None:
        return default
    agent = headers.get("x-agentmem-agent")
    try:
        return Scope(unquote(user), None if agent is None else unquote(agent))
    except InvalidScopeError as error:
        raise HTTPException(422, str(error)) from error


def _unauthorized(detail: str, *, error: str = "") -> HTTPException:
    challenge = 'Bearer realm="agentmem"' + (f', error="{error}"' if error else "")
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})


def _same_origin(headers: Headers) -> bool:
    # Without Origin, as from an old browser, only Sec-Fetch-Site can show where it comes from.
    return "origin" in headers or headers.get("sec-fetch-site") == "same-origin"


def _cookie(headers: Headers) -> str | None:
    try:
        jar: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return jar[COOKIE].value if COOKIE in jar else None


async def _refuse(
    error: HTTPException, connection: Connection, receive: Receive, send: Send
) -> None:
    response: Response
    if error.status_code == 401 and wants_page(Headers(scope=connection)):
        response = error_page(401, "Open this page by its link", LOGIN_HINT)
    else:
        response = problem_response(error.status_code, error.detail, headers=error.headers)
    await response(connection, receive, send)
