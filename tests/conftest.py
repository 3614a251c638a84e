"""What tests of all packages share."""

from __future__ import annotations

import os

# Tests run in several processes; threads of each of them would only wait for one another's.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from langchain_core.embeddings import Embeddings

from agentmem.embedding.sentence_embeddings import default_embeddings

# Checks of a change must not fail by chance, nor because a machine is busy; at a desk, every run
# looks for something new.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


@pytest.fixture(scope="session")
def embeddings() -> Embeddings:
    """The real MiniLM; its weights load once, when the first test embeds."""
    return default_embeddings()
