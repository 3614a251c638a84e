"""Requests that schemathesis makes up from `/openapi.json` are never answered with 5xx."""

from __future__ import annotations

import os
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, given, settings
from langchain_core.embeddings import Embeddings
from schemathesis.checks import not_a_server_error

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem.server.app import create_app
from agentmem.server.limits import Limits

schemathesis.serializer.alias("application/x-ndjson", "text/plain")

SECRET = "secret"
# `make schema` sets more.
EXAMPLES = int(os.environ.get("AGENTMEM_SCHEMA_EXAMPLES", "3"))
HEADERS = {"Authorization": f"Bearer {SECRET}", "Host": "localhost"}


def test_no_request_is_a_server_error(embeddings: Embeddings, tmp_path: Path) -> None:
    embeddings.embed_query("The first one loads the weights.")
    memory = MemoryController(InMemoryStore(), embeddings=embeddings)
    owner, limits = Scope("ada"), Limits(rate=0)
    app = create_app(memory, owner=owner, folder=tmp_path, secret=SECRET, limits=limits)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=HEADERS)
    tried = set()
    # Not with the plugin for pytest, which does not know the present version of pytest.
    for result in schema.get_all_operations():
        operation = result.ok()
        tried.add(operation.label)

        @given(case=operation.as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        def answer(case: schemathesis.Case) -> None:
            response = case.call(headers=HEADERS, timeout=300)
            case.validate_response(response, checks=[not_a_server_error])

        answer()
    assert len(tried) > 40
