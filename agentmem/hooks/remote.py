"""Answer a hook through a running server, with the standard library only.

The whole process has 0.4 s. Measured on two cores: the interpreter starts in 0.02 s, this module
and its imports take 0.05 s; the command line with Typer would take 0.15 s more, and numpy, which
every record needs, another 0.1 s.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agentmem.discovery import ServerFile, find_server
from agentmem.hooks.events import AnswerKind, Event, answer, context_block

__all__ = ["answer_over_server"]

# Tokens of the recalled lines; at the start of a session the profile is added.
_MAX_TOKENS = 600
_PROFILE_LINES = 12
# A prompt does not wait longer than this for memories.
_SECONDS = 10.0


def answer_over_server(
    event: Event, folder: Path, *, user: str, agent: str | None, client: str = "claude-code"
) -> str | None:
    """Return the answer to an event, as JSON or empty; None if the store has to be opened.

    Args:
        folder: the folder of the store.
        user, agent: whose memories.
    """
    if event.kind == AnswerKind.NOTHING:
        return ""
    if event.kind == AnswerKind.STORE:
        return None
    server = find_server(folder)
    if server is None:
        return None
    headers = {"X-Agentmem-User": quote(user, safe=""), "X-Agentmem-Client": quote(client)}
    if agent is not None:
        headers["X-Agentmem-Agent"] = quote(agent, safe="")
    try:
        return answer(event, _context(server, event, headers))
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        # The server has stopped since it was found.
        return None


def _context(server: ServerFile, event: Event, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection(*server.address, timeout=_SECONDS)
    headers = {"Authorization": f"Bearer {server.token}", **headers}
    try:
        profile = []
        if event.name == "SessionStart":
            lines = _send(connection, "GET", f"/v1/profile?limit={_PROFILE_LINES}", None, headers)
            profile = [json.dumps(line["text"], ensure_ascii=False) for line in lines]
        body = {"query": event.query, "max_tokens": _MAX_TOKENS}
        recalled = _send(connection, "POST", "/v1/recall", body, headers)
        return context_block(profile, recalled["text"])
    finally:
        connection.close()


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any,
    headers: dict[str, str],
) -> Any:
    data = None if body is None else json.dumps(body).encode()
    connection.request(method, path, data, headers | {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise http.client.HTTPException(f"{path}: {response.status}")
    return json.loads(content)
