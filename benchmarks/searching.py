"""What a search costs: against its floor, with size, among many owners, and when opening."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from agentmem.embedding.embedder import Embedder
from agentmem_stores import ChromaStore, Granularity, Scope, Vectors
from benchmarks.corpus import SampledEmbeddings, SampledVectors
from benchmarks.measure import BenchSettings, Ratio, alternate, seconds
from benchmarks.stores import BEGUN, NOW, Shape, build_store, owner

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem import MemoryController

__all__ = ["SearchBench", "bare_turns", "measure_opening", "open_memory"]

# Opening starts a process and loads libraries, so fewer rounds than of a search.
_OPENING_ROUNDS = 3


@contextmanager
def open_memory(place: Path, embeddings: Embeddings, scope: Scope) -> Iterator[MemoryController]:
    """Open a store for searches that do not change it."""
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
def bare_turns(place: Path) -> Iterator[Any]:
    """Open the collection of the turns of a store with one owner, without agentmem."""
    import chromadb
    from chromadb.config import Settings

    client: Any = chromadb.PersistentClient(place, Settings(anonymized_telemetry=False))
    try:
        yield next(c for c in client.list_collections() if c.name.startswith("turn"))
    finally:
        client.close()


@contextmanager
def bare_query(place: Path, embeddings: Embeddings) -> Iterator[Callable[[str], object]]:
    """Provide a function that embeds a question and queries Chroma for 30 turns and documents.

    Args:
        place: a store with one owner, so that all turns are in one collection.
    """
    embedder = Embedder(embeddings, cached_queries=0)
    with bare_turns(place) as collection:

        def ask(text: str) -> object:
            return collection.query(
                query_embeddings=[embedder.query(text)],
                n_results=30,
                include=["documents", "distances"],
            )

        yield ask


def measure_opening(settings: BenchSettings, searching: SearchBench, shape: Shape) -> list[Ratio]:
    """Compare opening a store and a first answer with a bare client on the same files.

    Each measurement runs in its own process. The bare client queries one collection of each
    granularity.
    """
    rounds, place = min(_OPENING_ROUNDS, settings.rounds), searching.place(shape)
    size = shape.owners * shape.memories
    # The first opening writes the derived index beside the store.
    _in_process(_with_agentmem, place, searching.precomputed, searching.questions[0])
    ours, bare = [], []
    for number in range(rounds):
        settings.report_progress(f"opening a store of {size:,}, {number + 1} of {rounds}")
        question = searching.questions[number + 1]
        vector = searching.precomputed.embed_query(question)
        ours.append(_in_process(_with_agentmem, place, searching.precomputed, question))
        bare.append(_in_process(_bare, place, vector, question))
    (our_seconds, our_megabytes), (bare_seconds, bare_megabytes) = (
        [median(column) for column in zip(*rows, strict=True)] for rows in (ours, bare)
    )
    return [
        Ratio(
            f"opening {size:,} and the first answer / bare", 1e3 * our_seconds,
            1e3 * bare_seconds, at_most=2.0, note="libraries loaded before, embedding left out",
        ),
        Ratio(
            f"resident memory with {size:,} / bare", our_megabytes, bare_megabytes, "MB",
            at_most=1.5, note="after a query of every granularity, without the embedder",
        ),
    ]  # fmt: skip


def _in_process(work: Callable[..., tuple[float, float]], *args: Any) -> tuple[float, float]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *args).result()


def _with_agentmem(place: Path, embeddings: Any, question: str) -> tuple[float, float]:
    import chromadb  # noqa: F401

    # Loads what would otherwise load at first use.
    from agentmem import ChromaStore, MemoryController  # noqa: F401

    start = time.perf_counter()
    with open_memory(place, embeddings, owner(0)) as memory:
        memory.search(question, k=10, reinforce=False)
        return time.perf_counter() - start, _resident()


def _bare(place: Path, vector: Vectors, _: str) -> tuple[float, float]:
    import chromadb
    from chromadb.config import Settings

    import agentmem  # noqa: F401

    start = time.perf_counter()
    client: Any = chromadb.PersistentClient(place, Settings(anonymized_telemetry=False))
    try:
        one_of_each = {c.name.split("-")[0]: c for c in client.list_collections()}
        elapsed = 0.0
        for granularity in sorted(Granularity, key=lambda g: g is not Granularity.TURN):
            if granularity.value in one_of_each:
                one_of_each[granularity.value].query(
                    query_embeddings=[vector], n_results=30, include=["documents", "distances"]
                )
            elapsed = elapsed or time.perf_counter() - start
        return elapsed, _resident()
    finally:
        client.close()


def _resident() -> float:
    """Return the resident memory of this process in MB; its peak where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    import os

    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
