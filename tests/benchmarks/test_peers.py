"""`python -m benchmarks peers`: with LangGraph's real store, from this environment."""

from __future__ import annotations

import base64
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentmem.embedding.sentence_embeddings import default_embeddings
from agentmem.formats.dialogue import (
    Dialogue,
    DialogueQuestion,
    DialogueSession,
    DialogueTurn,
)
from agentmem_stores import InvalidInputError
from benchmarks.peers import PEERS, Peer, PeerError, embedding_endpoint, measure_peers

TEXTS = ("I adopted a beagle.", "My sister plays the cello.", "I moved to Lisbon.")
TURNS = tuple(DialogueTurn("user", "Ada", text, None) for text in TEXTS)
QUESTIONS = (
    DialogueQuestion("q1", "Which dog does Ada have?", "a beagle", "1", ("s1:0",)),
    DialogueQuestion("q2", "Where does Ada live?", "Lisbon", "1", ("s1:2",)),
)
CHAT = Dialogue("ada", (DialogueSession("s1", None, TURNS),), QUESTIONS)


def test_measures_a_peer_beside_agentmem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers._environment", lambda *_: Path(sys.executable))
    [peer] = [peer for peer in PEERS if peer.program == "langgraph_store"]
    ours, other = measure_peers(CHAT, default_embeddings(), tmp_path, [peer])

    assert ours.name == "agentmem"
    assert other.name == "LangGraph InMemoryStore"
    for score in (ours, other):
        assert score.stored > 0
        assert score.searched > 0
        assert score.recall == 100, "there are fewer turns than hits"
        assert 50 < score.ndcg <= 100


def test_a_peer_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers._environment", lambda *_: Path(sys.executable))
    with pytest.raises(PeerError, match="no_such_program"):
        measure_peers(CHAT, default_embeddings(), tmp_path, [Peer("X", (), "no_such_program")])


def test_a_conversation_without_questions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no question with evidence"):
        measure_peers(Dialogue("ada", CHAT.sessions), default_embeddings(), tmp_path)


def test_the_endpoint_answers_as_openai_does() -> None:
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)

    def ask(url: str, **options: Any) -> Any:
        body = json.dumps({"input": ["a", "b"], "model": "m", **options}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/embeddings", body)) as response:
            return [row["embedding"] for row in json.load(response)["data"]]

    with embedding_endpoint(lambda texts: rows[: len(texts)]) as url:
        assert ask(url) == rows.tolist()
        encoded = ask(url, encoding_format="base64")
    assert [
        np.frombuffer(base64.b64decode(e), np.float32).tolist() for e in encoded
    ] == rows.tolist()
