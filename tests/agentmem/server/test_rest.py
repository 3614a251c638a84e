"""REST: every verb, and what is refused, through the application without a process."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from agentmem import Scope
from agentmem.server import telemetry
from agentmem.server.auth import TokenStore
from agentmem.server.limits import Limits
from agentmem.server.logs import JsonFormatter
from tests.agentmem.server.conftest import SECRET

Make = Callable[..., TestClient]

DOG = {"role": "user", "content": "I adopted a beagle called Biscuit."}


def add(http: TestClient, *messages: Any, **fields: Any) -> list[str]:
    response = http.post("/v1/memories", json={"messages": list(messages), **fields})
    assert response.status_code == 201, response.text
    ids = response.json()["ids"]
    assert isinstance(ids, list)
    return ids


def test_a_conversation_is_stored_searched_recalled_and_ended(http: TestClient) -> None:
    moment = "2026-03-01T10:00:00+00:00"
    [dog] = add(http, DOG | {"timestamp": moment}, session_id="s/1")
    result = http.post("/v1/search", json={"query": "What is my dog called?", "k": 1}).json()
    assert result["hits"][0]["memory"]["id"] == dog
    assert result["hits"][0]["memory"]["said_at"].startswith("2026-03-01T10:00:00")
    assert 0 <= result["confidence"] <= 1
    assert set(result["hits"][0]) >= {"memory", "score", "retention"}
    recalled = http.post("/v1/recall", json={"query": "my dog", "max_tokens": 200}).json()
    assert "Biscuit" in recalled["text"]
    assert recalled["tokens"] <= 200
    assert recalled["items"][0]["turn_ids"] == [dog]
    derived = http.post("/v1/sessions/s%2F1/end").json()["ids"]
    assert derived
    assert [fact["value"] for fact in http.get("/v1/facts").json()] == ["Biscuit (beagle)"]


def test_conversations_are_read_as_the_controller_reads_them(http: TestClient) -> None:
    sessions = {"s1": [], "s2": ["I moved to Porto."]}
    added = http.post("/v1/sessions", json={"sessions": sessions})
    assert (added.status_code, len(added.json()["ids"])) == (201, 1)
    unnamed = http.post("/v1/sessions", json={"sessions": {"": ["I like tea."]}})
    assert unnamed.status_code == 422
    assert "session_id" in unnamed.json()["detail"]


def test_the_tool_forget_takes_a_memory_and_what_is_derived_from_it(http: TestClient) -> None:
    [turn] = add(http, "I live in Lisbon.", session_id="s1")
    derived = http.post("/v1/sessions/s1/end").json()["ids"]
    params = {"name": "forget", "arguments": {"ids": [turn, *derived, turn]}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-06-18",
    }
    result = http.post("/mcp", json=message, headers=headers).json()["result"]
    assert not result["isError"], result
    assert result["structuredContent"] == {"deleted": [turn], "derived": len(derived)}
    assert http.get("/v1/stats").json()["memories"] == {}


def test_facts_profile_timeline_and_topics_have_routes(http: TestClient) -> None:
    add(http, "I live in Lisbon.", "I went to Porto yesterday.", session_id="s1")
    http.post("/v1/sessions/s1/end")
    assert http.get("/v1/profile").json()[0]["text"] == "home: Lisbon"
    assert http.get("/v1/timeline", params={"query": "Porto"}).json()[0]["dated"]
    assert http.get("/v1/topics").json() == []
    graph = http.get("/v1/graph").json()
    assert {"nodes", "edges"} <= set(graph)
    assert http.get("/v1/stats").json()["sessions"] == 1
    plan = http.post("/v1/plans", json={"goal": "bake bread", "steps": ["knead", "bake"]})
    assert plan.status_code == 201
    went = http.post(f"/v1/plans/{plan.json()['id']}/outcome", json={"outcome": "success"})
    assert went.json()["succeeded"] == 1
    assert http.get("/v1/plans", params={"goal": "make bread"}).json()[0]["goal"] == "bake bread"
    assert http.post("/v1/consolidate", json={}).json()["finished"]
    assert http.post("/v1/sweep", json={}).json()["archived"] == []
    assert http.post("/v1/check", json={}).json()["ok"]


def test_a_memory_is_edited_pinned_and_deleted_with_a_receipt(http: TestClient) -> None:
    [first, second] = add(http, "I live in Lisbon.", "I like tea.")
    edited = http.patch(f"/v1/memories/{first}", json={"text": "I live in Porto."}).json()
    assert edited["version"] == 2
    history = http.get(f"/v1/memories/{first}/history").json()
    assert [version["text"] for version in history] == ["I live in Lisbon.", "I live in Porto."]
    assert http.post(f"/v1/memories/{second}/pin").json()["metadata"] == {"pinned": True}
    assert http.delete(f"/v1/memories/{second}/pin").json()["metadata"] == {}
    receipt = http.delete(f"/v1/memories/{first}").json()
    assert first in receipt["deleted"]
    missing = http.get(f"/v1/memories/{first}")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["type"] == "urn:agentmem:problem:memory-not-found"
    assert http.delete("/v1/memories").json() == {"count": 1}


def test_pages_are_complete_also_when_memories_are_added_between_them(http: TestClient) -> None:
    ids = add(http, *(f"Fact number {n} is about tea." for n in range(7)))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = http.get(
            "/v1/memories", params={"limit": 3, "cursor": cursor} if cursor else {"limit": 3}
        )
        seen += [memory["id"] for memory in page.json()["memories"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
        add(http, f"Said after {len(seen)}.")
    assert seen == ids[::-1]
    assert http.get("/v1/memories", params={"cursor": "nonsense"}).status_code == 422


def test_feedback_changes_the_ranking_of_the_owner_only(
    http: TestClient, make_http: Make, tokens: TokenStore
) -> None:
    ids = add(http, "I adopted a beagle called Biscuit.", "I work as a baker.")
    result = http.post("/v1/search", json={"query": "my dog", "reinforce": False}).json()
    path = f"/v1/searches/{result['id']}"
    ben = make_http(token=tokens.create(Scope("ben")))
    assert ben.post(f"{path}/feedback", json={"cited": [ids[0]]}).status_code == 404
    assert http.post(f"{path}/reinforce", json={}).status_code == 204
    assert http.get(f"/v1/memories/{ids[0]}").json()["recall_count"] == 1
    assert http.post(f"{path}/feedback", json={"cited": [ids[0]]}).status_code == 204
    assert http.get("/v1/learned").json()["citations"] == 1
    assert http.delete("/v1/learned").json() == {"count": 1}


def test_an_export_can_be_imported_by_another_owner(
    http: TestClient, make_http: Make, tokens: TokenStore
) -> None:
    add(http, DOG)
    exported = http.get("/v1/export").content
    assert len(exported.splitlines()) == 2
    ben = make_http(token=tokens.create(Scope("ben")))
    assert ben.post("/v1/import", content=exported).json() == {"count": 1}
    assert ben.get("/v1/memories").json()["memories"][0]["text"] == DOG["content"]
    assert ben.post("/v1/import", content=b"not an export").status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/search", {"query": ""}),
        ("POST", "/v1/search", {"query": "tea", "k": 0}),
        ("POST", "/v1/search", {"query": "tea", "misspelled": 1}),
        ("POST", "/v1/search", {"query": "tea", "as_of": "2026-01-01T00:00:00"}),
        ("POST", "/v1/memories", {"messages": []}),
        ("POST", "/v1/memories", {"messages": [{"role": "user"}]}),
        ("POST", "/v1/memories", {"messages": [{"role": "user", "content": " "}]}),
        (
            "POST",
            "/v1/memories",
            {"messages": [{"content": "Hi.", "timestamp": "2026-01-01T00:00:00"}]},
        ),
        ("POST", "/v1/recall", {"query": "tea", "min_trust": "nobody"}),
        ("POST", "/v1/plans/none/outcome", {"outcome": "perhaps"}),
    ],
)
def test_a_wrong_request_is_a_problem(http: TestClient, method: str, path: str, body: Any) -> None:
    response = http.request(method, path, json=body)
    assert response.status_code in (404, 422), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    assert response.json()["status"] == response.status_code


def test_values_that_json_cannot_represent_are_client_errors(http: TestClient) -> None:
    for body in (b'{"query": "\\ud83d"}', b"[" * 100_000, b'{"query": NaN}', b"\xff\xfe"):
        response = http.post(
            "/v1/search", content=body, headers={"Content-Type": "application/json"}
        )
        assert response.status_code < 500, response.text
    assert http.get("/v1/memories/%ED%A0%BD").status_code in (404, 422)


# Who may do what.


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic c2VjcmV0", f"bearer  {SECRET}x"]
)
def test_requests_require_a_valid_token(make_http: Make, authorization: str | None) -> None:
    http = make_http(token=None) if authorization is None else make_http()
    if authorization is not None:
        http.headers["Authorization"] = authorization
    for path in ("/v1/memories", "/v1/nothing", "/openapi.json", "/metrics"):
        response = http.get(path)
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"].startswith("Bearer")
    assert http.get("/healthz").status_code == 200


def test_a_token_reads_and_writes_its_owner_only(
    http: TestClient, make_http: Make, tokens: TokenStore
) -> None:
    [dog] = add(http, DOG)
    ben = make_http(token=tokens.create(Scope("ben"), name="laptop"))
    ben.headers["X-Agentmem-User"] = "ada"
    assert ben.get(f"/v1/memories/{dog}").status_code == 404
    assert ben.post("/v1/search", json={"query": "dog"}).json()["hits"] == []
    assert ben.get("/v1/owners").status_code == 403
    assert ben.post("/v1/compact").status_code == 403
    assert ben.get("/v1/whoami").json()["client"] == "laptop"
    http.headers["X-Agentmem-User"] = "ben"
    assert http.get(f"/v1/memories/{dog}").status_code == 404
    http.headers["X-Agentmem-User"] = "*"
    assert http.get("/v1/memories").status_code == 422


def test_a_read_only_token_changes_nothing(
    http: TestClient, make_http: Make, tokens: TokenStore
) -> None:
    [dog] = add(http, DOG)
    reader = make_http(token=tokens.create(Scope("ada"), read_only=True))
    assert reader.post("/v1/search", json={"query": "my dog"}).json()["hits"]
    assert reader.post("/v1/recall", json={"query": "my dog"}).json()["text"]
    assert reader.get(f"/v1/memories/{dog}").json()["recall_count"] == 0
    for method, path, body in (
        ("POST", "/v1/memories", {"messages": [DOG]}),
        ("DELETE", f"/v1/memories/{dog}", None),
        ("PATCH", f"/v1/memories/{dog}", {"text": "No."}),
        ("POST", "/v1/sweep", {}),
        ("POST", "/v1/import", None),
    ):
        assert reader.request(method, path, json=body).status_code == 403, path


def test_expired_and_revoked_tokens_are_refused(make_http: Make, tokens: TokenStore) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    text = tokens.create(Scope("ada"), expires_at=soon)
    http = make_http(token=text)
    [token] = tokens.all()
    assert text not in tokens.path.read_text()
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    tokens.revoke(token.id)
    assert http.get("/v1/memories").status_code == 401
    old = json.loads(tokens.path.read_text())
    old["tokens"] = [vars(token) | {"expires_at": "2020-01-01T00:00:00+00:00"}]
    tokens.path.write_text(json.dumps(old))
    expired = http.get("/v1/memories")
    assert expired.status_code == 401
    assert "expired" in expired.json()["detail"]


def test_too_many_requests_of_one_token_wait(make_http: Make, tokens: TokenStore) -> None:
    make_http(limits=Limits(rate=0.001, burst=2))
    ben = make_http(token=tokens.create(Scope("ben")))
    statuses = [ben.get("/v1/whoami").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(ben.get("/v1/whoami").headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "a@localhost", ""]
)
def test_a_foreign_host_is_refused(http: TestClient, host: str) -> None:
    assert http.get("/v1/memories", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "file://"]
)
def test_a_foreign_origin_is_refused(http: TestClient, origin: str) -> None:
    response = http.post("/v1/search", json={"query": "tea"}, headers={"Origin": origin})
    assert response.status_code == 403


def test_bodies_are_bounded(make_http: Make) -> None:
    http = make_http(limits=Limits(body_bytes=1000))
    large = {"messages": [{"role": "user", "content": "x" * 2000}]}
    assert http.post("/v1/memories", json=large).status_code == 413

    def chunks() -> Any:
        for _ in range(10):
            yield b"x" * 500

    assert http.post("/v1/memories", content=chunks()).status_code == 413
    assert http.post("/mcp", content=chunks()).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../v1/whoami",
        "/v1/memories/..%2f..%2fetc%2fpasswd",
        "/v1/memories/%00",
        "//v1/whoami",
        "/static/../v1/whoami",
        "/healthz/../v1/whoami",
    ],
)
def test_path_tricks_reach_nothing(make_http: Make, path: str) -> None:
    http = make_http(token=None)
    assert http.get(path).status_code in (401, 404)


def test_a_link_opens_the_page_once_and_its_cookie_writes_from_this_origin_only(
    make_http: Make,
) -> None:
    http = make_http()
    link = http.app.state.server.new_link("http://localhost")  # type: ignore[attr-defined]
    browser = make_http(token=None)
    opened = browser.get(link, follow_redirects=False)
    assert opened.status_code == 303
    assert "samesite=strict" in opened.headers["set-cookie"].lower()
    assert "httponly" in opened.headers["set-cookie"].lower()
    assert browser.get("/v1/whoami").json()["client"] == "page"
    body = {"messages": [DOG]}
    assert browser.post("/v1/memories", json=body).status_code == 403
    own = {"Origin": "http://localhost"}
    assert browser.post("/v1/memories", json=body, headers=own).status_code == 201
    browser.cookies.clear()
    assert browser.get(link, follow_redirects=False).status_code == 403


def test_logs_and_metrics_contain_no_secrets_and_no_texts(
    http: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="agentmem"):
        add(http, DOG)
        http.post("/v1/search", json={"query": "What is my dog called?"})
        http.get("/login", params={"code": "a-login-code"})
    lines = [JsonFormatter().format(record) for record in caplog.records]
    paths = [json.loads(line).get("path") for line in lines]
    assert {"/v1/memories", "/v1/search", "/login"} <= set(paths)
    metrics = http.get("/metrics").text
    assert 'agentmem_requests_total{method="POST",route="/v1/search",status="200"} 1.0' in metrics
    for text in ("\n".join(lines), metrics):
        for secret in (SECRET, "dog called", "beagle", "a-login-code"):
            assert secret not in text


def test_spans_follow_the_conventions_and_contain_no_texts_by_default(
    http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", lambda: provider.get_tracer("test"))
    add(http, DOG)
    http.post("/v1/search", json={"query": "my dog"})
    names = [
        (span.attributes or {})["gen_ai.operation.name"] for span in exporter.get_finished_spans()
    ]
    assert names == ["create_memory", "search_memory"]
    assert "my dog" not in str([span.attributes for span in exporter.get_finished_spans()])
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    http.post("/v1/search", json={"query": "my dog"})
    last = exporter.get_finished_spans()[-1].attributes or {}
    assert last["gen_ai.memory.query.text"] == "my dog"
