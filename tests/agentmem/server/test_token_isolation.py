"""Random calls over REST and MCP with several tokens: nobody sees or changes what is another's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from starlette.testclient import TestClient

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem.embedding.sentence_embeddings import default_embeddings
from agentmem.server.app import create_app
from agentmem.server.auth import TokenStore
from agentmem.server.limits import Limits

OWNERS = (Scope("ada"), Scope("ben"), Scope("ada", "tutor"))
WORDS = ("tea", "dog", "Lisbon", "bread")

owners = st.integers(0, len(OWNERS) - 1)
words = st.sampled_from(WORDS)


class Tokens(RuleBasedStateMachine):
    """Every text names its owner, so a leak is a text with another name."""

    def __init__(self) -> None:
        super().__init__()
        folder = Path(tempfile.mkdtemp())
        memory = MemoryController(InMemoryStore(), embeddings=default_embeddings())
        app = create_app(memory, owner=Scope("root"), folder=folder, limits=Limits(rate=0))
        self.http = TestClient(app, base_url="http://localhost")
        self.http.__enter__()
        store = TokenStore(folder)
        self.headers = [{"Authorization": f"Bearer {store.create(o)}"} for o in OWNERS]
        self.ids: list[set[str]] = [set() for _ in OWNERS]

    def teardown(self) -> None:
        self.http.__exit__(None, None, None)

    def send(self, owner: int, method: str, path: str, body: Any = None) -> Any:
        # A client may also try to name somebody else.
        headers = self.headers[owner] | {"X-Agentmem-User": "ben", "X-Agentmem-Agent": "tutor"}
        response = self.http.request(method, path, json=body, headers=headers)
        assert response.status_code < 500, response.text
        self.check(owner, response.text)
        return response

    def check(self, owner: int, text: str) -> None:
        for other in range(len(OWNERS)):
            assert other == owner or f"Owner{other}" not in text

    def call(self, owner: int, tool: str, arguments: dict[str, Any]) -> Any:
        params = {"name": tool, "arguments": arguments}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = self.headers[owner] | {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-06-18",
        }
        response = self.http.post("/mcp", json=message, headers=headers)
        assert response.status_code == 200, response.text
        self.check(owner, response.text)
        return response.json()["result"]

    @rule(owner=owners, word=words)
    def add(self, owner: int, word: str) -> None:
        body = {"messages": [{"content": f"Owner{owner} likes {word}."}], "session_id": "s"}
        self.ids[owner] |= set(self.send(owner, "POST", "/v1/memories", body).json()["ids"])

    @rule(owner=owners, word=words)
    def remember(self, owner: int, word: str) -> None:
        result = self.call(owner, "remember", {"text": f"Owner{owner} has {word}."})
        self.ids[owner] |= set(result["structuredContent"]["ids"])

    @rule(owner=owners, word=words)
    def look(self, owner: int, word: str) -> None:
        self.send(owner, "POST", "/v1/search", {"query": word, "include_archived": True})
        self.send(owner, "POST", "/v1/recall", {"query": word})
        self.call(owner, "recall", {"query": word})

    @rule(owner=owners, tool=st.sampled_from(["timeline", "profile"]))
    def read(self, owner: int, tool: str) -> None:
        self.call(owner, tool, {})
        for path in ("graph", "facts", "profile", "timeline", "export", "stats"):
            self.send(owner, "GET", f"/v1/{path}")

    @rule(owner=owners, other=owners, data=st.data())
    def reach_for_an_id(self, owner: int, other: int, data: st.DataObject) -> None:
        if owner == other or not self.ids[other]:
            return
        memory_id = data.draw(st.sampled_from(sorted(self.ids[other])))
        assert self.send(owner, "GET", f"/v1/memories/{memory_id}").status_code == 404
        assert self.send(owner, "DELETE", f"/v1/memories/{memory_id}").status_code == 404
        edit = {"text": f"Owner{owner} was here."}
        assert self.send(owner, "PATCH", f"/v1/memories/{memory_id}", edit).status_code == 404
        assert self.call(owner, "forget", {"ids": [memory_id]})["isError"]

    @rule(owner=owners)
    def end(self, owner: int) -> None:
        self.send(owner, "POST", "/v1/sessions/s/end")

    @rule(owner=owners)
    def delete_all(self, owner: int) -> None:
        self.send(owner, "DELETE", "/v1/memories")
        self.ids[owner].clear()

    @invariant()
    def everybody_has_all_of_their_own(self) -> None:
        for owner, ids in enumerate(self.ids):
            page = self.send(owner, "GET", "/v1/memories?limit=500").json()
            turns = {m["id"] for m in page["memories"] if m["granularity"] == "turn"}
            assert turns == ids


TestTokens = Tokens.TestCase
TestTokens.settings = settings(
    max_examples=4,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
