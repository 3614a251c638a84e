"""The page over HTTP: who may see and change what, and with which headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from langchain_core.embeddings import Embeddings

from agentmem import Granularity, InMemoryStore, MemoryController, Scope, State
from agentmem.provenance import provenance
from agentmem.server.access import COOKIE
from agentmem.server.app import create_app
from agentmem.server.auth import Principal
from agentmem.testing import ManualClock

ADA, BEN = Scope("ada"), Scope("ben")
HOST = "http://127.0.0.1:8377"
PAGES = ["/", "/?q=dog", "/recall", "/recall?q=dog", "/timeline", "/portrait", "/graph", "/archive"]


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    clock = ManualClock()
    with MemoryController(InMemoryStore(), embeddings=embeddings, clock=clock) as controller:
        controller.add_many(
            {"s1": ["I adopted a beagle called Biscuit.", "I live in Lisbon."]}, scope=ADA
        )
        controller.add_many({"other": ["Ben's dog is a poodle."]}, scope=BEN)
        yield controller


@pytest.fixture
def client(memory: MemoryController, tmp_path: Path) -> TestClient:
    app = create_app(memory, owner=ADA, folder=tmp_path)
    browser = TestClient(app, base_url=HOST, headers={"origin": HOST})
    link = urlsplit(app.state.server.new_link(HOST))
    assert browser.get(f"{link.path}?{link.query}", follow_redirects=False).status_code == 303
    return browser


def turn_of(memory: MemoryController, scope: Scope = ADA) -> str:
    return memory.get_all(scope=scope, granularity=Granularity.TURN)[0].id


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_complete_and_allows_nothing_from_elsewhere(
    client: TestClient, address: str
) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", answer.text)
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", answer.text)
    assert not re.search(r"<script(?![^>]* (?:src|type=\"application/json\"))", answer.text)


@pytest.mark.parametrize("address", [*PAGES, "/memory?id=x", "/forget?id=x"])
def test_pages_require_a_login(client: TestClient, address: str) -> None:
    client.cookies.clear()
    answer = client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert "agentmem serve prints a link" in answer.text
    assert "Biscuit" not in answer.text
    assert client.get(address).headers["content-type"] == "application/problem+json"


def test_a_link_opens_the_page_once(client: TestClient) -> None:
    link = urlsplit(client.app.state.server.new_link(HOST))  # type: ignore[attr-defined]
    address = f"{link.path}?{link.query}"
    assert client.get(address).status_code == 200
    again = client.get(address, headers={"accept": "text/html"})
    assert again.status_code == 403
    assert "was used or has expired" in again.text


def test_an_empty_memory_prints_a_hint(embeddings: Embeddings, tmp_path: Path) -> None:
    with MemoryController(InMemoryStore(), embeddings=embeddings) as memory:
        app = create_app(memory, owner=ADA, folder=tmp_path)
        with_secret = {"authorization": f"Bearer {app.state.server.secret}"}
        client = TestClient(app, base_url=HOST, headers=with_secret)
        for address in PAGES:
            answer = client.get(address)
            assert answer.status_code == 200, address
            assert 'class="empty"' in answer.text, address


def test_reading_pages_strengthens_nothing(client: TestClient, memory: MemoryController) -> None:
    for address in (*PAGES, f"/memory?id={turn_of(memory)}"):
        client.get(address)
    memory.flush()
    assert not any(m.recall_count for m in memory.get_all(scope=ADA))


def test_memories_of_others_do_not_exist(client: TestClient, memory: MemoryController) -> None:
    theirs = turn_of(memory, BEN)
    assert client.get("/memory", params={"id": theirs}).status_code == 404
    for verb in ("edit", "pin", "unpin", "archive", "revive"):
        form = {"id": theirs, "text": "x"}
        assert client.post(f"/memory/{verb}", data=form).status_code == 404, verb
    assert client.post("/forget", data={"id": theirs}).status_code == 404
    assert memory.get(theirs, scope=BEN).state is State.ACTIVE
    for address in PAGES:
        assert "poodle" not in client.get(address).text


def test_words_from_outside_are_marked(client: TestClient, memory: MemoryController) -> None:
    memory.add("Visit example.org.", metadata=provenance("document", "<b>web</b>"), scope=ADA)
    [page] = [m for m in memory.get_all(scope=ADA) if m.text == "Visit example.org."]
    answer = client.get("/memory", params={"id": page.id})
    assert "document &lt;b&gt;web&lt;/b&gt;" in answer.text
    assert 'class="badge warn"' in answer.text


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1"])
def test_a_write_from_another_page_is_refused(
    client: TestClient, memory: MemoryController, origin: str | None
) -> None:
    del client.headers["origin"]
    headers = {} if origin is None else {"origin": origin}
    for address in ("/forget", "/memory/archive", "/archive/sweep"):
        answer = client.post(address, data={"id": turn_of(memory)}, headers=headers)
        assert answer.status_code == 403
    assert memory.get(turn_of(memory), scope=ADA).state is State.ACTIVE


def test_reading_a_link_changes_nothing(client: TestClient, memory: MemoryController) -> None:
    before = memory.get_all(scope=ADA)
    for address in ("/memory/archive", "/memory/edit", "/archive/sweep"):
        assert client.get(address, params={"id": turn_of(memory)}).status_code == 405
    assert client.get("/forget", params={"id": turn_of(memory)}).status_code == 200
    assert memory.get_all(scope=ADA) == before


def test_who_may_only_read_gets_no_buttons_and_no_writes(
    client: TestClient, memory: MemoryController
) -> None:
    sessions = client.app.state.server.sessions  # type: ignore[attr-defined]
    cookie = sessions.redeem(sessions.new_link(Principal(ADA, "guest", read_only=True)))
    client.cookies.clear()
    client.cookies.set(COOKIE, cookie)
    turn = turn_of(memory)
    for address in (*PAGES, f"/memory?id={turn}", f"/forget?id={turn}"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert 'method="post"' not in answer.text, address
        assert "read only" in answer.text
    assert client.post("/memory/pin", data={"id": turn}).status_code == 403


@pytest.mark.parametrize(
    ("method", "address", "form", "status"),
    [
        ("get", "/memory?id=unknown", None, 404),
        ("get", "/timeline?since=soon", None, 422),
        ("get", "/timeline?until=9999-12-31", None, 422),
        ("post", "/memory/pin", {"id": "unknown"}, 404),
        ("post", "/memory/edit", {"id": "TURN", "text": " "}, 422),
    ],
)
def test_errors_are_pages_too(
    client: TestClient,
    memory: MemoryController,
    method: str,
    address: str,
    form: dict[str, str] | None,
    status: int,
) -> None:
    if form and form["id"] == "TURN":
        form["id"] = turn_of(memory)
    answer = client.request(method, address, data=form)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "Back to search" in answer.text


def test_an_edited_fact_keeps_its_name(client: TestClient, memory: MemoryController) -> None:
    [home] = memory.facts(attribute="home", scope=ADA)
    form = {"id": home.id, "text": "Évora", "then": "portrait"}
    page = client.post("/memory/edit", data=form)
    assert page.url.path == "/portrait"
    assert "Évora" in page.text
    [edited] = memory.facts(attribute="home", scope=ADA)
    assert edited.memory.text == "home: Évora"
    assert [m.version for m in memory.history(home.id, scope=ADA)] == [1, 2]


def test_a_receipt_counts_what_was_removed(client: TestClient, memory: MemoryController) -> None:
    turn = turn_of(memory)
    page = client.get("/forget", params={"id": turn})
    assert "1 fact" in page.text
    receipt = client.post("/forget", data={"id": turn})
    assert "1 message" in receipt.text
    assert "1 fact" in receipt.text
    assert "beagle" not in receipt.text
    assert client.get("/memory", params={"id": turn}).status_code == 404
    assert [f.attribute for f in memory.facts(scope=ADA)] == ["home"]
