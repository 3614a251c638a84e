"""Requests that schemathesis makes up from `/openapi.json` are never answered with 5xx."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem.embedding.sentence_embeddings import default_embeddings
from agentmem.server.app import create_app
from agentmem.server.limits import Limits

SECRET = "secret"
# `make schema` sets more.
EXAMPLES = int(os.environ.get("AGENTMEM_SCHEMA_EXAMPLES", "3"))
HEADERS = {"Authorization": f"Bearer {SECRET}", "Host": "localhost"}


def load() -> schemathesis.BaseSchema:
    memory = MemoryController(InMemoryStore(), embeddings=default_embeddings())
    app = create_app(
        memory,
        owner=Scope("ada"),
        folder=Path(tempfile.mkdtemp()),
        secret=SECRET,
        limits=Limits(rate=0),
    )
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers=HEADERS)


schema = schemathesis.pytest.from_fixture("api")


@pytest.fixture(scope="module")
def api() -> schemathesis.BaseSchema:
    return load()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_no_request_is_a_server_error(case: schemathesis.Case) -> None:
    response = case.call(headers=HEADERS)
    case.validate_response(response, checks=[not_a_server_error])
