"""What writing costs: whole conversations, and single turns."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.embedding.embedder import Embedder
from agentmem.ingest import session_batches
from agentmem_stores import Scope
from benchmarks.measure import BenchSettings, Ratio, alternate
from benchmarks.throughput import plain_encoder

if TYPE_CHECKING:
    from agentmem.formats.dialogue import Dialogue, DialogueSession

__all__ = ["ingest_once", "measure_add", "measure_ingest"]

OWNER = Scope("owner")

Encode = Callable[[Sequence[str]], Any]


class RecordingEmbeddings:
    """Embeddings that record the texts of each call and the time spent embedding."""

    def __init__(self, embeddings: Any) -> None:
        self._embeddings = embeddings
        self.batches: list[list[str]] = []
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embeddings, name)

    def embed_documents(self, texts: list[str]) -> Any:
        """Embed and record."""
        return self._record(texts, self._embeddings.embed_documents)

    def embed_with_words(self, texts: list[str], *, query: bool = False) -> Any:
        """Embed with word embeddings, and record."""
        return self._record(texts, partial(self._embeddings.embed_with_words, query=query))

    def _record(self, texts: list[str], embed: Callable[[list[str]], Any]) -> Any:
        start = time.perf_counter()
        result = embed(texts)
        self.seconds += time.perf_counter() - start
        self.batches.append(list(texts))
        return result

    def embed_query(self, text: str) -> Any:
        """Embed; writing asks no questions."""
        return self._embeddings.embed_query(text)


def measure_ingest(settings: BenchSettings) -> list[Ratio]:
    """Compare ingesting conversations with embedding their texts and one bare upsert.

    Three floors embed with agentmem's embeddings, which compute texts of about the same length
    together; the last uses `SentenceTransformer.encode`, as an application with bare Chroma would.
    The floor of the turns alone, and the last, embed the first 256 tokens of each turn; agentmem,
    and the other floors, embed all of it.
    """
    pieces = list(_pieces(settings))
    encode, totals = plain_encoder(), np.zeros(6)
    with tempfile.TemporaryDirectory(dir=settings.folder, prefix="writing-") as folder:
        # Loads what would otherwise load at first use.
        first = replace(pieces[0], sessions=pieces[0].sessions[:1])
        _ingest(settings.embeddings, first, Path(folder) / "warm-up")
        for number, piece in enumerate(pieces):
            settings.report_progress(f"ingesting {number + 1} of {len(pieces)}")
            totals += _measure_piece(settings, encode, piece, Path(folder), number)
    ours, embedding, every, whole, turns, plain = 1e3 * totals
    parts = {"embedding": embedding, "everything else": ours - embedding}
    return [
        Ratio("bulk ingest / floor of every text", ours, every, at_most=1.25, parts=parts),
        Ratio("bulk ingest / floor of whole turns", ours, whole),
        Ratio("bulk ingest / floor of the turns alone", ours, turns, at_most=2.5),
        Ratio("bulk ingest / SentenceTransformer.encode of the turns, and an upsert", ours, plain),
    ]


def _pieces(settings: BenchSettings) -> list[Dialogue]:
    """Split the corpus into conversations of about a third of `settings.turns`."""
    from agentmem.formats.dialogue import Dialogue

    pieces: list[Dialogue] = []
    sessions: list[DialogueSession] = []
    turns = total = 0
    for number, session in enumerate(settings.corpus.sessions):
        sessions.append(replace(session, id=f"s{number}"))
        turns += len(session.turns)
        if turns * 3 >= settings.turns:
            pieces.append(Dialogue(owner="owner", sessions=tuple(sessions), questions=()))
            total, turns, sessions = total + turns, 0, []
        if total >= settings.turns:
            break
    return pieces or [Dialogue(owner="owner", sessions=tuple(sessions), questions=())]


def ingest_once(settings: BenchSettings) -> None:
    """Ingest the first piece, to profile its stages."""
    with tempfile.TemporaryDirectory(dir=settings.folder, prefix="writing-") as folder:
        _ingest(settings.embeddings, next(iter(_pieces(settings))), Path(folder))


def _ingest(embeddings: Any, piece: Dialogue, place: Path) -> float:
    from agentmem import MemoryController
    from agentmem.ingest import ingest

    with MemoryController.open(place, scope=OWNER, embeddings=embeddings, linger=None) as memory:
        start = time.perf_counter()
        ingest(memory, piece, scope=OWNER)
        return time.perf_counter() - start


def _measure_piece(
    settings: BenchSettings, encode: Encode, piece: Dialogue, folder: Path, number: int
) -> Any:
    """Return seconds of ingesting, of embedding in it, and of each floor, shape (6,).

    Args:
        encode: embeds without agentmem.
    """
    recording: Any = RecordingEmbeddings(settings.embeddings)
    recording.embed_query("warm up")
    ours = _ingest(recording, piece, folder / f"ours-{number}")
    turns = [
        [turn.text for session in sessions for turn in session.turns]
        for sessions in session_batches(piece.sessions)
    ]
    embedder = Embedder(settings.embeddings)
    floors = [
        _floor(embedder.documents, recording.batches, folder / f"floor-{number}-every"),
        _floor(lambda b: embedder.turns(b).vectors, turns, folder / f"floor-{number}-whole"),
        _floor(embedder.documents, turns, folder / f"floor-{number}-turns"),
        _floor(encode, turns, folder / f"floor-{number}-plain"),
    ]
    return np.array([ours, recording.seconds, *floors])


def _floor(embed: Encode, batches: Sequence[Sequence[str]], place: Path) -> float:
    with ExitStack() as stack:
        upsert = _bare(place, stack)
        start = time.perf_counter()
        vectors = np.concatenate([embed(batch) for batch in batches])
        upsert([text for batch in batches for text in batch], vectors)
        return time.perf_counter() - start


def _bare(place: Path, stack: ExitStack) -> Callable[[Sequence[str], Any], None]:
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(place, Settings(anonymized_telemetry=False))
    stack.callback(client.close)
    collection = client.create_collection(
        "bare", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    rng = random.Random(0)

    def upsert(texts: Sequence[str], vectors: Any) -> None:
        ids = [f"{rng.getrandbits(64):x}" for _ in texts]
        collection.upsert(ids=ids, embeddings=vectors, documents=list(texts))

    return upsert


def measure_add(settings: BenchSettings) -> Ratio:
    """Compare adding one turn with embedding one text and one bare upsert."""
    from agentmem import MemoryController

    settings.report_progress("adding single turns")
    embedder = Embedder(settings.embeddings)
    texts = [t.text for s in settings.corpus.sessions for t in s.turns]
    # Both sides get the same turns, because those of a user and of an assistant alternate.
    texts = [f"{texts[i % len(texts)]} {i}" for i in range(settings.rounds + 201)]
    with ExitStack() as stack:
        folder = tempfile.TemporaryDirectory(dir=settings.folder, prefix="adding-")
        place = Path(stack.enter_context(folder))
        upsert = _bare(place / "bare", stack)
        memory = stack.enter_context(
            MemoryController.open(
                place / "ours", scope=OWNER, embeddings=settings.embeddings, linger=None
            )
        )
        before, added = texts[:200], texts[200:]
        memory.add(before, session_id="before")
        memory.end_session("before")
        upsert(before, embedder.documents(before))
        times = alternate(
            lambda i: memory.add(added[i], session_id="now"),
            lambda i: upsert([added[i]], embedder.documents([added[i]])),
            settings.rounds,
        )
    return Ratio("one add / embedding one text and one bare upsert", *times, at_most=1.5)
