"""Bodies that are slow, and the order in which links and sessions are dropped."""

from __future__ import annotations

import asyncio
import time

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message

from agentmem import Scope
from agentmem.server.auth import PageSessions, Principal
from agentmem.server.limits import BodyReader


async def slowly() -> Message:
    await asyncio.sleep(0.05)
    return {"type": "http.request", "body": b"x", "more_body": True}


async def read(reader: BodyReader, pieces: int) -> None:
    for _ in range(pieces):
        await reader()


def test_a_body_has_a_deadline_as_a_whole() -> None:
    begin = time.monotonic()
    with pytest.raises(HTTPException) as refused:
        asyncio.run(read(BodyReader(slowly, 1000, seconds=0.3), 1000))
    assert refused.value.status_code == 408
    assert time.monotonic() - begin < 5


def test_an_upload_may_take_long_while_data_arrives() -> None:
    asyncio.run(read(BodyReader(slowly, 1000, seconds=0.3, per_piece=True), 12))


def test_an_unused_link_and_an_unused_session_end() -> None:
    now = [0.0]
    sessions = PageSessions(clock=lambda: now[0])
    principal = Principal(Scope("ada"), "page")
    late, code = sessions.new_link(principal), sessions.new_link(principal)
    cookie = sessions.redeem(code)
    assert cookie is not None
    now[0] = 601
    assert sessions.redeem(late) is None
    now[0] = 12 * 3600 + 500
    assert sessions.find(cookie) is None


def test_a_logout_ends_the_session() -> None:
    sessions = PageSessions()
    cookie = sessions.redeem(sessions.new_link(Principal(Scope("ada"), "page")))
    assert cookie is not None
    sessions.end(cookie)
    assert sessions.find(cookie) is None
