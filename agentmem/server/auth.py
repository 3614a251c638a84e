"""Who makes a request: bearer tokens bound to one owner, and the page's sessions.

Tokens are random and stored as SHA-256 digests. A digest of 256 random bits cannot be reversed by
guessing, so no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentmem.discovery import write_private
from agentmem_stores import InvalidInputError, MemoryNotFoundError, Scope, StoreFormatError

__all__ = ["PageSessions", "Principal", "Token", "TokenStore"]

TOKENS = "agentmem-tokens.json"
# Begins every token; `agentmem.formats.secrets` redacts tokens in transcripts by it.
_PREFIX = "amt_"
# Seconds without use after which the page needs a new link.
_SESSION_SECONDS = 12 * 3600
# Seconds within which a link must be opened.
_LINK_SECONDS = 600
# More links or sessions than this replace those that expire first.
_MAX_SESSIONS = 100


@dataclass(frozen=True)
class Principal:
    """Who makes a request, and what it may do.

    Attributes:
        scope: whose memories the request reads and writes.
        client: the name of the token, recorded as the source of what it writes.
        read_only: whether it may only read; searches strengthen nothing then.
        local: whether it holds the secret of the store's folder, and so may name another owner.
        key: what its requests are counted by.
    """

    scope: Scope
    client: str
    read_only: bool = False
    local: bool = False
    key: str = "local"


@dataclass(frozen=True)
class Token:
    """A token as it is stored.

    Attributes:
        id: names the token in `agentmem token list` and `revoke`.
        digest: SHA-256 of the token, hexadecimal.
        expires_at: when it is no longer accepted, aware; None for never.
    """

    id: str
    digest: str
    user_id: str
    agent_id: str | None
    name: str
    read_only: bool
    created_at: str
    expires_at: str | None

    @property
    def expired(self) -> bool:
        """Whether the token has expired."""
        return self.expires_at is not None and datetime.fromisoformat(
            self.expires_at
        ) <= datetime.now(UTC)

    @property
    def principal(self) -> Principal:
        """The principal that a request with this token has."""
        scope = Scope(self.user_id, self.agent_id)
        return Principal(scope, self.name, self.read_only, key=self.id)


@dataclass
class TokenStore:
    """The tokens of a store, in a file of mode 0600 beside it.

    A server and the command line may use the same file: a changed file is read again, and a write
    replaces it as a whole.

    Args:
        folder: the folder of the store.

    >>> import tempfile
    >>> tokens = TokenStore(Path(tempfile.mkdtemp()))
    >>> text = tokens.create(Scope("ada"), name="laptop")
    >>> tokens.find(text).user_id
    'ada'
    """

    folder: Path
    _tokens: dict[str, Token] = field(default_factory=dict, init=False, repr=False)
    _stamp: tuple[int, int] | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / TOKENS

    def create(
        self,
        scope: Scope,
        *,
        name: str = "",
        read_only: bool = False,
        expires_at: datetime | None = None,
    ) -> str:
        """Add a token and return its text, which is stored nowhere."""
        text = _PREFIX + secrets.token_urlsafe(32)
        if expires_at is not None and expires_at <= datetime.now(UTC):
            raise InvalidInputError(f"expires_at={expires_at.isoformat()} must be in the future")
        token_id = secrets.token_hex(4)
        token = Token(
            id=token_id,
            digest=_digest(text),
            user_id=scope.user_id,
            agent_id=scope.agent_id,
            name=name or f"token-{token_id}",
            read_only=read_only,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            expires_at=None if expires_at is None else expires_at.isoformat(timespec="seconds"),
        )
        with self._lock:
            self._write({**self._read(), token.digest: token})
        return text

    def all(self) -> list[Token]:
        """Return all tokens, the oldest first."""
        with self._lock:
            return sorted(self._read().values(), key=lambda token: (token.created_at, token.id))

    def revoke(self, token_id: str) -> Token:
        """Remove a token; a running server refuses it from now on.

        Raises:
            MemoryNotFoundError: there is no such token.
        """
        with self._lock:
            tokens = self._read()
            for digest, token in tokens.items():
                if token.id == token_id:
                    self._write({d: t for d, t in tokens.items() if d != digest})
                    return token
        raise MemoryNotFoundError(f"no token {token_id!r}; `agentmem token list` prints ids")

    def find(self, text: str) -> Token | None:
        """Return the token with this text, None if there is none; it may have expired."""
        digest = _digest(text)
        with self._lock:
            # It compares digests, not secrets, so its timing says nothing about a token.
            return self._read().get(digest)

    def _read(self) -> dict[str, Token]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._tokens, self._stamp = {}, None
            return self._tokens
        # A file that was replaced has another inode, even within the resolution of the time.
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._tokens = self._parse()
            self._stamp = stamp
        return self._tokens

    def _parse(self) -> dict[str, Token]:
        try:
            rows: list[dict[str, Any]] = json.loads(self.path.read_text("utf-8"))["tokens"]
            return {row["digest"]: Token(**row) for row in rows}
        except (ValueError, TypeError, KeyError) as error:
            raise StoreFormatError(
                f"{self.path} cannot be read ({error}); remove it and create new tokens"
            ) from error

    def _write(self, tokens: dict[str, Token]) -> None:
        rows = [asdict(token) for token in tokens.values()]
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.path, json.dumps({"tokens": rows}, indent=1))
        self._tokens = tokens
        status = self.path.stat()
        self._stamp = (status.st_mtime_ns, status.st_ino)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class PageSessions:
    """Logins of the page: a link that works once sets a cookie.

    A link in a browser's history cannot be used again, and the token itself never becomes part of a
    URL.

    Args:
        clock: returns seconds, monotonic.

    >>> sessions = PageSessions()
    >>> code = sessions.new_link(Principal(Scope("ada"), "page"))
    >>> cookie = sessions.redeem(code)
    >>> sessions.find(cookie).scope.user_id, sessions.redeem(code)
    ('ada', None)
    """

    clock: Callable[[], float] = time.monotonic
    _links: dict[str, tuple[float, Principal]] = field(default_factory=dict, init=False)
    _sessions: dict[str, tuple[float, Principal]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def new_link(self, principal: Principal) -> str:
        """Return a code that `redeem` accepts once within ten minutes."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._prune()
            self._links[_digest(code)] = (self.clock() + _LINK_SECONDS, principal)
        return code

    def redeem(self, code: str) -> str | None:
        """Return the value of a session cookie for a code, None if the code is not valid."""
        with self._lock:
            self._prune()
            link = self._links.pop(_digest(code), None)
            if link is None:
                return None
            cookie = secrets.token_urlsafe(32)
            principal = replace(link[1], key=f"page-{os.urandom(4).hex()}")
            self._sessions[_digest(cookie)] = (self.clock() + _SESSION_SECONDS, principal)
            return cookie

    def find(self, cookie: str) -> Principal | None:
        """Return who has this cookie, and extend the session."""
        digest = _digest(cookie)
        with self._lock:
            self._prune()
            if digest not in self._sessions:
                return None
            principal = self._sessions[digest][1]
            self._sessions[digest] = (self.clock() + _SESSION_SECONDS, principal)
            return principal

    def end(self, cookie: str) -> None:
        """Log a session out."""
        with self._lock:
            self._sessions.pop(_digest(cookie), None)

    def _prune(self) -> None:
        now = self.clock()
        for entries in (self._links, self._sessions):
            for digest in [d for d, (until, _) in entries.items() if until <= now]:
                del entries[digest]
            while len(entries) > _MAX_SESSIONS:
                del entries[min(entries, key=lambda d: entries[d][0])]
