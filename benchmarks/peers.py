"""Other memory systems beside agentmem: what storing and searching a conversation takes, and finds.

Each runs in a virtual environment of its own, and embeds with the same model through an endpoint
as of OpenAI on loopback. All texts were embedded before, so that embedding costs next to nothing
on any side.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import mean, median
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.evaluation.embedding_cache import CachedEmbeddings
from agentmem.evaluation.metrics import ndcg, recall_all
from agentmem.evaluation.tasks import end_of, evidence, turn_names
from agentmem_stores import AgentMemError, InvalidInputError, Scope

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.formats.dialogue import Dialogue, DialogueTurn

__all__ = ["PEERS", "Peer", "PeerError", "PeerScore", "embedding_endpoint", "measure_peers"]

K = 10


class PeerError(AgentMemError, RuntimeError):
    """A peer could not be installed, or its program failed."""


@dataclass(frozen=True)
class Peer:
    """A memory system that is measured.

    Attributes:
        name: shown in the table.
        requirements: for pip.
        program: a module in `peer_programs`.
    """

    name: str
    requirements: tuple[str, ...]
    program: str


PEERS = (
    Peer("mem0, infer=False, Chroma", ("mem0ai==2.2.1", "chromadb==1.5.9"), "mem0_chroma"),
    Peer("LangGraph InMemoryStore", ("langgraph==1.2.24", "numpy"), "langgraph_store"),
    Peer("MemPalace", ("mempalace==3.11.0",), "mempalace_drawers"),
)


@dataclass(frozen=True)
class PeerScore:
    """What a system takes and finds.

    Attributes:
        stored: milliseconds for each turn that is stored, embedding left out.
        searched: median milliseconds of a search.
        recall, ndcg: mean turn recall_all@10 and NDCG@10 in percent.
    """

    name: str
    stored: float
    searched: float
    recall: float
    ndcg: float


def measure_peers(
    dialogue: Dialogue,
    embeddings: Embeddings,
    folder: Path,
    peers: Sequence[Peer] = PEERS,
    *,
    report_progress: Callable[[str], None] = lambda _: None,
) -> list[PeerScore]:
    """Store a conversation in each system, ask its questions, and compare; agentmem is first.

    Args:
        folder: keeps the environments and the embeddings for the next run.

    Raises:
        InvalidInputError: no question has evidence.
        PeerError: a peer could not be installed, or failed.
    """
    if not any((found := evidence(dialogue, q)) and found.turns for q in dialogue.questions):
        raise InvalidInputError("the conversation has no question with evidence; choose another")
    cached = CachedEmbeddings(embeddings, folder / "embeddings.sqlite")
    report_progress("embedding the conversation")
    _run_agentmem(dialogue, cached)
    cached.embed_documents([_text(turn) for s in dialogue.sessions for turn in s.turns])
    cached.embed_documents([question.text for question in dialogue.questions])
    report_progress("agentmem")
    scores = [_score("agentmem", dialogue, _run_agentmem(dialogue, cached))]
    with embedding_endpoint(cached.embed_documents) as url:
        for peer in peers:
            report_progress(peer.name)
            python = _environment(peer, folder)
            scores.append(_score(peer.name, dialogue, _run_peer(peer, python, dialogue, url)))
    return scores


def _text(turn: DialogueTurn) -> str:
    """Return what a system stores that knows no speakers."""
    return f"{turn.speaker}: {turn.text}" if turn.speaker else turn.text


def _run_agentmem(dialogue: Dialogue, embeddings: Embeddings) -> dict[str, Any]:
    from agentmem import MemoryController
    from agentmem.ingest import ingest

    scope = Scope("user")
    with tempfile.TemporaryDirectory() as place:
        memory = MemoryController.open(
            place, scope=scope, embeddings=embeddings, clock=lambda: end_of(dialogue), linger=None
        )
        with memory:
            start = perf_counter()
            ingest(memory, dialogue, scope=scope)
            stored = perf_counter() - start
            hits, times = [], []
            for question in dialogue.questions:
                start = perf_counter()
                found = memory.search(question.text, k=K, reinforce=False)
                times.append(perf_counter() - start)
                hits.append([hit.memory.text_with_speaker for hit in found])
    return {"stored": stored, "times": times, "hits": hits}


def _run_peer(peer: Peer, python: Path, dialogue: Dialogue, url: str) -> dict[str, Any]:
    sessions = [
        [
            {"id": f"{number}-{place}", "role": turn.role or "user", "text": _text(turn)}
            for place, turn in enumerate(session.turns)
        ]
        for number, session in enumerate(dialogue.sessions)
    ]
    questions = [question.text for question in dialogue.questions]
    with tempfile.TemporaryDirectory() as place:
        job = {"folder": place, "url": url, "k": K, "sessions": sessions, "questions": questions}
        module = f"benchmarks.peer_programs.{peer.program}"
        output = _call([str(python), "-m", module], json.dumps(job))
    result: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return result


# Where `python -m benchmarks` works.
_ROOT = Path(__file__).parents[1]


def _environment(peer: Peer, folder: Path) -> Path:
    """Return the interpreter of the environment of a peer, made with the first run."""
    place = folder / "peers" / peer.program
    python, stamp = place / "bin" / "python", place / "installed"
    if not stamp.exists() or stamp.read_text() != " ".join(peer.requirements):
        _call([sys.executable, "-m", "venv", "--clear", str(place)])
        _call([str(python), "-m", "pip", "install", "--quiet", *peer.requirements])
        stamp.write_text(" ".join(peer.requirements))
    return python


def _call(command: Sequence[str], text: str = "") -> str:
    # The packages of this environment are not a peer's.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, cwd=_ROOT, env=environment
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise PeerError(f"{' '.join(command[:4])} failed: {lines[-1]}")
    return done.stdout


def _score(name: str, dialogue: Dialogue, result: dict[str, Any]) -> PeerScore:
    """Judge the turns that a system found.

    Systems return texts. A text that several turns have stands for those not found before.
    """
    names = turn_names(dialogue)
    texts = {
        names[session.id, place]: _text(turn)
        for session in dialogue.sessions
        for place, turn in enumerate(session.turns)
    }
    judged: list[tuple[float, float]] = []
    for question, hits in zip(dialogue.questions, result["hits"], strict=True):
        relevant = evidence(dialogue, question)
        if relevant is None or not relevant.turns:
            continue
        found: list[Any] = []
        for text in hits:
            same = [n for n, each in texts.items() if each == text and n not in found]
            found += same[:1]
        judged.append((recall_all(found, relevant.turns, K), ndcg(found, relevant.turns, K)))
    n_turns = sum(len(session.turns) for session in dialogue.sessions)
    return PeerScore(
        name=name,
        stored=1e3 * result["stored"] / max(n_turns, 1),
        searched=1e3 * median(result["times"]),
        recall=100 * mean(recall for recall, _ in judged),
        ndcg=100 * mean(gain for _, gain in judged),
    )


@contextmanager
def embedding_endpoint(embed: Callable[[list[str]], Any]) -> Iterator[str]:
    """Serve `/v1/embeddings` as OpenAI does, on loopback, and provide its URL."""

    class Handler(BaseHTTPRequestHandler):
        # Clients keep their connection.
        protocol_version = "HTTP/1.1"
        # An answer is one packet: a second one would wait 40 ms for the first's acknowledgment.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            texts = request["input"]
            rows = np.asarray(embed([texts] if isinstance(texts, str) else texts), np.float32)
            as_text = request.get("encoding_format") == "base64"
            data = [
                {
                    "object": "embedding",
                    "index": place,
                    "embedding": base64.b64encode(row.tobytes()).decode()
                    if as_text
                    else row.tolist(),
                }
                for place, row in enumerate(rows)
            ]
            usage = {"prompt_tokens": 0, "total_tokens": 0}
            answer = {"object": "list", "data": data, "model": request["model"], "usage": usage}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
