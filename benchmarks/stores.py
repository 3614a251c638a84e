"""Stores of a given size, written directly to Chroma and cached for later runs."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path

import numpy as np

from agentmem_retrievers.text.tokenize import words_in
from agentmem_stores import (
    Batch,
    ChromaStore,
    Edge,
    EmbedderSpec,
    Entry,
    Granularity,
    Memory,
    Scope,
    Vectors,
    token_code_bytes,
)
from benchmarks.corpus import Corpus, SampledVectors

__all__ = ["BEGUN", "BETWEEN_SESSIONS", "NOW", "STRENGTH", "Shape", "build_store", "owner"]

# Increase it when something else is written here.
VERSION = 2
BEGUN = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BETWEEN_SESSIONS = timedelta(minutes=3)
# Of every memory, in days.
STRENGTH = 30.0
# Chroma accepts 5,461 records in one request.
BATCH = 4000
# Turns per passage, and associations per turn, as ingesting conversations gives them.
PASSAGE = 3
EDGES = 4


@dataclass(frozen=True)
class Shape:
    """Number of owners of a store, and memories of each."""

    owners: int
    memories: int


def owner(number: int) -> Scope:
    """Return the owner with a number."""
    return Scope(f"owner-{number}")


def build_store(
    folder: Path, shape: Shape, corpus: Corpus, sample: SampledVectors, spec: EmbedderSpec
) -> Path:
    """Return the folder of a store with this shape; write it unless it is cached.

    Memories are turns, passages of three, a summary and keywords of each session, in the
    proportions of an ingest. Texts come from the corpus, vectors are drawn, and every turn is
    associated with up to four older ones.
    """
    named = f"{VERSION} {shape} {corpus.name} {len(corpus.sessions)} {spec}"
    place = folder / f"bench-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    if not place.exists():
        unfinished = place.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        _write(unfinished, shape, corpus, sample, spec)
        unfinished.replace(place)
    return place


def _write(
    place: Path, shape: Shape, corpus: Corpus, sample: SampledVectors, spec: EmbedderSpec
) -> None:
    rng = np.random.default_rng(0)
    with ChromaStore.open(place, spec) as store:
        for number in range(shape.owners):
            entries = islice(_entries(owner(number), corpus, sample, rng), shape.memories)
            while batch := list(islice(entries, BATCH)):
                # A request goes to one collection, so batches are grouped by granularity.
                batch.sort(key=lambda entry: list(Granularity).index(entry.memory.granularity))
                store.write(Batch(owner(number), put=batch))


def _entries(
    scope: Scope, corpus: Corpus, sample: SampledVectors, rng: np.random.Generator
) -> Iterator[Entry]:
    start = BEGUN
    for number, (turns, texts) in enumerate(corpus.copies(seed=int(rng.integers(2**31)))):
        speakers = [t.speaker or "" for t in turns]
        vectors = sample.draw(len(texts), rng)
        start += BETWEEN_SESSIONS
        yield from _session(scope, f"s{number}", start, speakers, texts, vectors)


def _session(
    scope: Scope,
    session: str,
    start: datetime,
    speakers: Sequence[str],
    texts: Sequence[str],
    vectors: Vectors,
) -> Iterator[Entry]:
    turns = [
        _memory(scope, Granularity.TURN, f"{session}-{n}", text, session, start, n, (), speaker)
        for n, (text, speaker) in enumerate(zip(texts, speakers, strict=True))
    ]
    ids = [turn.id for turn in turns]
    for turn, vector in zip(turns, vectors, strict=True):
        yield Entry(turn, vector, _random_codes(turn.text, len(vector)))
    derived: list[tuple[Granularity, int, int, str]] = [
        (Granularity.SESSION, n, n + PASSAGE, "\n".join(texts[n : n + PASSAGE]))
        for n in range(0, len(texts), PASSAGE)
    ]
    words = dict.fromkeys(chain.from_iterable(text.split() for text in texts))
    derived.append((Granularity.KEYWORDS, 0, len(texts), ", ".join(list(words)[:10])))
    derived.append((Granularity.SUMMARY, 0, len(texts), " ".join(texts[:3])))
    for granularity, first, last, text in derived:
        name = f"{session}-{granularity.value}-{first}"
        memory = _memory(
            scope, granularity, name, text, session, start, first, tuple(ids[first:last]), ""
        )
        middle = vectors[first:last].mean(axis=0)
        yield Entry(memory, np.asarray(middle / np.linalg.norm(middle), dtype=np.float32))


def _random_codes(text: str, dimension: int) -> bytes:
    """Return random token codes, one for each word of a text."""
    return random.Random(text).randbytes(token_code_bytes(dimension) * len(words_in(text)))


def _memory(
    scope: Scope,
    granularity: Granularity,
    memory_id: str,
    text: str,
    session: str,
    start: datetime,
    position: int,
    sources: tuple[str, ...],
    speaker: str,
) -> Memory:
    return Memory(
        id=hashlib.md5(memory_id.encode(), usedforsecurity=False).hexdigest(),
        scope=scope,
        granularity=granularity,
        text=text,
        session_id=session,
        said_at=start + timedelta(seconds=position),
        written_at=NOW,
        speaker=speaker or None,
        position=position,
        strength=STRENGTH,
        sources=sources,
        edges=() if sources else tuple(_edges(session, position)),
    )


def _edges(session: str, position: int) -> Iterator[Edge]:
    """Yield edges to older memories, drawn by a hash so that no list of all is needed."""
    number = int(session[1:])
    for i in range(EDGES):
        drawn = hashlib.md5(f"{session} {position} {i}".encode(), usedforsecurity=False).digest()
        older = int.from_bytes(drawn[:4], "big") % (number + 1)
        if older == number:
            continue
        target = hashlib.md5(f"s{older}-{drawn[4] % 8}".encode(), usedforsecurity=False)
        yield Edge(target.hexdigest(), 0.4 + drawn[5] / 512)
