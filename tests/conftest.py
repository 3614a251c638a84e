"""What tests of all packages share."""

from __future__ import annotations

import pytest
from langchain_core.embeddings import Embeddings

from agentmem._embedding import default_embeddings


@pytest.fixture(scope="session")
def embeddings() -> Embeddings:
    """The real MiniLM; its weights load once, when the first test embeds."""
    return default_embeddings()
