"""What a search costs: against its floor, with size, among many owners, and when opening."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from agentmem.embedding.embedder import Embedder
from agentmem_stores import ChromaStore, Granularity, Scope, Vectors
from benchmarks.corpus import SampledEmbeddings, SampledVectors
from benchmarks.measure import (
    BenchSettings,
    Ratio,
    alternate,
    anonymous_memory,
    in_process,
    resident_memory,
    seconds,
)
from benchmarks.stores import BEGUN, NOW, Shape, build_store, owner

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem import MemoryController

__all__ = ["SearchBench", "bare_collections", "measure_opening", "open_memory"]

# Opening starts a process and loads libraries, so fewer rounds than of a search.
_OPENING_ROUNDS = 3


@contextmanager
def open_memory(place: Path, embeddings: Embeddings, scope: Scope) -> Iterator[MemoryController]:
    """Open a store as of `NOW`; searches with `reinforce=False` do not change it."""
    from agentmem import MemoryController

    store = ChromaStore.open(place, Embedder(embeddings).spec)
    with MemoryController(
        store, scope=scope, embeddings=embeddings, clock=lambda: NOW, linger=None
    ) as memory:
        yield memory


class SearchBench:
    """Measures searches over stores of drawn vectors, with really embedded questions."""

    def __init__(self, settings: BenchSettings) -> None:
        self.settings = settings
        self.spec = Embedder(settings.embeddings).spec
        # Each question is asked only once, because embeddings of questions are cached.
        count = 4 * (settings.rounds + 1)
        self.questions = list(islice(settings.corpus.questions(), count))
        settings.report_progress("embedding a sample of the corpus")
        self.sample: SampledVectors = settings.corpus.vectors(settings.embeddings)
        vectors = Embedder(settings.embeddings).documents(self.questions)
        known = dict(zip(self.questions, vectors, strict=True))
        self.precomputed: Any = SampledEmbeddings(self.spec, known, self.sample)

    def place(self, shape: Shape) -> Path:
        """Return the folder of a store with this shape."""
        self.settings.report_progress(f"a store of {shape.owners} x {shape.memories:,} memories")
        return build_store(
            self.settings.folder, shape, self.settings.corpus, self.sample, self.spec
        )

    def with_floor(self, size: int, *, embedded: bool = True) -> Ratio:
        """Compare a search of one owner with embedding the question and one bare query.

        Args:
            embedded: include the embedding of the question on both sides.
        """
        embeddings = self.settings.embeddings if embedded else self.precomputed
        place = self.place(Shape(1, size))
        with (
            open_memory(place, embeddings, owner(0)) as memory,
            bare_query(place, embeddings) as bare,
        ):
            ours, others = self.questions[::2], self.questions[1::2]
            memory.search(self.questions[-1], k=10, reinforce=False)
            times = alternate(
                lambda i: memory.search(ours[i], k=10, reinforce=False),
                lambda i: bare(others[i]),
                self.settings.rounds,
            )
        if embedded:
            name, bound = f"search at {size:,} / floor", 2.0
        else:
            name, bound = f"search at {size:,}, not embedding / bare query", None
        return Ratio(name, *times, at_most=bound if size == self.settings.middle else None)

    def with_size(self) -> list[Ratio]:
        """Compare the largest store with the smallest, without embedding; also of Chroma."""
        small, large = min(self.settings.sizes), max(self.settings.sizes)
        with ExitStack() as stack:
            smaller, larger = (
                stack.enter_context(
                    open_memory(self.place(Shape(1, n)), self.precomputed, owner(0))
                )
                for n in (small, large)
            )
            times = alternate(self._ask(larger), self._ask(smaller), self.settings.rounds)
            bare = [
                stack.enter_context(bare_query(self.place(Shape(1, n)), self.precomputed))
                for n in (large, small)
            ]
            questions = self.questions[self.settings.rounds + 1 :]
            floors = alternate(
                lambda i: bare[0](questions[i]),
                lambda i: bare[1](questions[i]),
                self.settings.rounds,
            )
        return [
            Ratio(
                f"search without embedding, {large:,} / {small:,}", *times, at_most=1.5,
                note="vectors drawn, questions embedded before",
            ),
            Ratio(f"bare query, {large:,} / {small:,}", *floors),
        ]  # fmt: skip

    def with_recall(self) -> Ratio:
        """Compare a recall of the middle store with a search for 50 turns."""
        size, embeddings = self.settings.middle, self.settings.embeddings
        with open_memory(self.place(Shape(1, size)), embeddings, owner(0)) as memory:
            ours, others = self.questions[::2], self.questions[1::2]
            memory.recall(self.questions[-1], reinforce=False)
            times = alternate(
                lambda i: memory.recall(ours[i], reinforce=False),
                lambda i: memory.search(others[i], k=50, reinforce=False),
                self.settings.rounds,
            )
        return Ratio(f"recall at {size:,} / search for 50 turns", *times, at_most=1.3)

    def with_filters(self) -> list[Ratio]:
        """Compare filtered searches of the largest store with unfiltered ones, without embedding.

        The filters leave one session, one speaker, and the newer half of the memories.
        """
        size = max(self.settings.sizes)
        with open_memory(self.place(Shape(1, size)), self.precomputed, owner(0)) as memory:
            [newest] = memory.get_all(limit=1, granularity=Granularity.TURN)
            filters: dict[str, dict[str, Any]] = {
                "session": {"session_id": newest.session_id},
                "speaker": {"speaker": newest.speaker},
                "time": {"since": BEGUN + (newest.said_at - BEGUN) / 2},
            }
            ours, others = self.questions[::2], self.questions[1::2]
            search = partial(memory.search, k=10, reinforce=False)
            ratios = []
            for name, options in filters.items():
                search(self.questions[-1], **options)
                times = alternate(
                    lambda i, options=options: search(ours[i], **options),  # type: ignore[misc]
                    lambda i: search(others[i]),
                    self.settings.rounds,
                )
                ratios.append(
                    Ratio(f"search at {size:,} filtered by {name} / unfiltered", *times,
                          at_most=1.5, note="vectors drawn, questions embedded before")
                )  # fmt: skip
        return ratios

    def among_owners(self) -> list[Ratio]:
        """Compare one of many owners with the only owner of a store, without embedding."""
        many, size, rounds = self.settings.scopes, self.settings.per_scope, self.settings.rounds
        with ExitStack() as stack:
            shared, alone = (
                stack.enter_context(
                    open_memory(self.place(Shape(n, size)), self.precomputed, owner(0))
                )
                for n in (many, 1)
            )
            first, first_alone = (
                1e3 * seconds(partial(memory.search, self.questions[-2], k=10, reinforce=False))
                for memory in (shared, alone)
            )
            # Several owners in turn, so that not only one cached index is measured.
            few = [owner(n) for n in range(min(many, 8))]
            for scope in few:
                shared.search(self.questions[-1], k=10, scope=scope, reinforce=False)
            times = alternate(self._ask(shared, few), self._ask(alone), rounds)
        return [
            Ratio(
                f"search in one of {many:,} owners of {size} / the only owner", *times,
                at_most=2.0, note="vectors drawn",
            ),
            Ratio(f"the same, first search / first search ({many:,} owners)", first, first_alone),
        ]  # fmt: skip

    def _ask(
        self, memory: MemoryController, scopes: list[Scope] | None = None
    ) -> Callable[[int], object]:
        among = scopes or [owner(0)]
        if scopes is None:
            memory.search(self.questions[-1], k=10, reinforce=False)
        gc.collect()
        return lambda i: memory.search(
            self.questions[i], k=10, scope=among[i % len(among)], reinforce=False
        )


@contextmanager
def bare_collections(place: Path) -> Iterator[dict[Granularity, Any]]:
    """Open Chroma's collections that have memories of the first owner, with a bare client."""
    import chromadb
    from chromadb.config import Settings

    from agentmem_stores.chroma.registry import REGISTRY, Layout
    from agentmem_stores.chroma.rows import Partitions

    client: Any = chromadb.PersistentClient(place, Settings(anonymized_telemetry=False))
    try:
        registry = client.get_collection(REGISTRY, embedding_function=None)
        layout = Layout.from_metadata(registry.metadata, str(place))
        partitions = Partitions(client, layout.partitions)
        found = {granularity: partitions.find(owner(0), granularity) for granularity in Granularity}
        yield {granularity: each for granularity, each in found.items() if each is not None}
    finally:
        client.close()


@contextmanager
def bare_query(place: Path, embeddings: Embeddings) -> Iterator[Callable[[str], object]]:
    """Provide a function that embeds a question and queries Chroma for 30 turns and documents.

    Args:
        place: a store with one owner, so that all turns are in one collection.
    """
    embedder = Embedder(embeddings, cached_queries=0)
    with bare_collections(place) as collections:

        def ask(text: str) -> object:
            return collections[Granularity.TURN].query(
                query_embeddings=[embedder.query(text)],
                n_results=30,
                include=["documents", "distances"],
            )

        yield ask


def measure_opening(settings: BenchSettings, searching: SearchBench, shape: Shape) -> list[Ratio]:
    """Compare opening a store and a first answer with a bare client on the same files.

    Each measurement runs in its own process and is about the first owner. A search reads no vector
    of Chroma's and a write does, so memory is measured both before and after Chroma has loaded
    the owner's collections; pages of the mapped index count, though the system may drop them.
    """
    rounds, place = min(_OPENING_ROUNDS, settings.rounds), searching.place(shape)
    size = f"{shape.memories:,}" if shape.owners == 1 else f"{shape.owners:,} x {shape.memories:,}"
    bound = 2.0 if shape.owners == 1 else None
    precomputed, questions = searching.precomputed, searching.questions
    # The first opening writes the derived index beside the store.
    in_process(_with_agentmem, place, precomputed, questions[0])
    ours, bare = [], []
    for number in range(rounds):
        settings.report_progress(f"opening a store of {size}, {number + 1} of {rounds}")
        question = questions[number + 1]
        vector = precomputed.embed_query(question)
        ours.append(in_process(_with_agentmem, place, precomputed, question))
        bare.append(in_process(_bare, place, vector))
    (our_seconds, after_search, loaded, anonymous), (bare_seconds, bare_loaded, bare_anonymous) = (
        [median(column) for column in zip(*rows, strict=True)] for rows in (ours, bare)
    )
    return [
        Ratio(
            f"opening {size} and the first answer / bare", 1e3 * our_seconds,
            1e3 * bare_seconds, at_most=bound, note="libraries loaded before, embedding left out",
        ),
        Ratio(
            f"resident memory with {size} after a search / bare", after_search, bare_loaded, "MB",
            note="bare after a query of every granularity; without the embedder",
        ),
        Ratio(
            f"resident memory with {size} / bare", loaded, bare_loaded, "MB", at_most=bound,
            note="both after a query of every granularity; without the embedder",
        ),
        Ratio(
            f"of it, memory that no file backs, with {size} / bare", anonymous, bare_anonymous,
            "MB", note="the system can drop pages of mapped files",
        ),
    ]  # fmt: skip


def _with_agentmem(
    place: Path, embeddings: Any, question: str
) -> tuple[float, float, float, float]:
    import chromadb  # noqa: F401

    # Loads what would otherwise load at first use.
    from agentmem import ChromaStore, MemoryController  # noqa: F401

    start = time.perf_counter()
    with open_memory(place, embeddings, owner(0)) as memory:
        memory.search(question, k=10, reinforce=False)
        elapsed, after_search = time.perf_counter() - start, resident_memory()
        vector = np.asarray(embeddings.embed_query(question), dtype=np.float32)
        for granularity in Granularity:
            memory.services.store.nearest(owner(0), granularity, vector[np.newaxis], 30)
        return elapsed, after_search, resident_memory(), anonymous_memory()


def _bare(place: Path, vector: Vectors) -> tuple[float, float, float]:
    import chromadb  # noqa: F401

    import agentmem  # noqa: F401

    start, elapsed = time.perf_counter(), 0.0
    with bare_collections(place) as collections:
        for granularity in sorted(collections, key=lambda g: g is not Granularity.TURN):
            collections[granularity].query(
                query_embeddings=[vector], n_results=30, include=["documents", "distances"]
            )
            elapsed = elapsed or time.perf_counter() - start
        return elapsed, resident_memory(), anonymous_memory()
