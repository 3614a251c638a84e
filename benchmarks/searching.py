"""What a search costs: on top of its floor, with size, and among many owners."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentmem.embedding.embedder import Embedder
from agentmem_stores import ChromaStore, Granularity, Scope
from benchmarks.corpus import SampledEmbeddings, SampledVectors
from benchmarks.measure import Ratio, in_turns, seconds
from benchmarks.settings import BenchSettings
from benchmarks.stores import NOW, Shape, owner, stored

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem import MemoryController

__all__ = ["Searching", "opened"]


@contextmanager
def opened(place: Path, embeddings: Embeddings, scope: Scope) -> Iterator[MemoryController]:
    """Open a store for searches that leave it as it is."""
    from agentmem import MemoryController

    store = ChromaStore.open(place, Embedder(embeddings).spec)
    with MemoryController(
        store, scope=scope, embeddings=embeddings, clock=lambda: NOW, linger=None
    ) as memory:
        yield memory


class Searching:
    """Measures searches over stores of drawn vectors, with questions embedded for real."""

    def __init__(self, settings: BenchSettings) -> None:
        self.settings = settings
        self.spec = Embedder(settings.embeddings).spec
        # More than are ever needed: each question is asked once only, so that none is cached.
        wanted = 4 * (settings.rounds + 1)
        self.asked = list(islice(settings.corpus.questions(), wanted))
        settings.tell("embedding a sample of the corpus")
        self.sample: SampledVectors = settings.corpus.vectors(settings.embeddings)
        vectors = Embedder(settings.embeddings).documents(self.asked)
        known = dict(zip(self.asked, vectors, strict=True))
        self.by_heart: Any = SampledEmbeddings(self.spec, known, self.sample)

    def place(self, shape: Shape) -> Path:
        """The store of a shape."""
        self.settings.tell(f"a store of {shape.owners} x {shape.memories:,} memories")
        return stored(self.settings.folder, shape, self.settings.corpus, self.sample, self.spec)

    def with_floor(self, size: int, *, embedded: bool = True) -> Ratio:
        """A whole search of one owner, against embedding the question and one bare query.

        Args:
            embedded: take the embedding of the question into account, on both sides.
        """
        embeddings = self.settings.embeddings if embedded else self.by_heart
        with opened(self.place(Shape(1, size)), embeddings, owner(0)) as memory:
            bare = bare_query(memory, embeddings, owner(0))
            asked, others = self.asked[::2], self.asked[1::2]
            memory.search(self.asked[-1], k=10, reinforce=False)
            times = in_turns(
                lambda i: memory.search(asked[i], k=10, reinforce=False),
                lambda i: bare(others[i]),
                self.settings.rounds,
            )
        if embedded:
            name, bound = f"search at {size:,} / floor", 2.0
        else:
            name, bound = f"search at {size:,}, not embedding / bare query", None
        return Ratio(name, *times, at_most=bound if size == self.settings.middle else None)

    def with_size(self) -> list[Ratio]:
        """Searching the largest store against the smallest, without embedding; and bare Chroma."""
        small, large = self.settings.smallest, self.settings.largest
        with ExitStack() as stack:
            little, much = (
                stack.enter_context(opened(self.place(Shape(1, n)), self.by_heart, owner(0)))
                for n in (small, large)
            )
            times = in_turns(self._ask(much), self._ask(little), self.settings.rounds)
            bare = [bare_query(memory, self.by_heart, owner(0)) for memory in (much, little)]
            asked = self.asked[self.settings.rounds + 1 :]
            floors = in_turns(
                lambda i: bare[0](asked[i]), lambda i: bare[1](asked[i]), self.settings.rounds
            )
        return [
            Ratio(
                f"search without embedding, {large:,} / {small:,}", *times, at_most=1.5,
                note="vectors drawn, questions embedded before",
            ),
            Ratio(f"bare query, {large:,} / {small:,}", *floors),
        ]  # fmt: skip

    def among_owners(self) -> list[Ratio]:
        """Searching one of many owners against the only one, without embedding."""
        many, size, rounds = self.settings.scopes, self.settings.per_scope, self.settings.rounds
        with ExitStack() as stack:
            shared, alone = (
                stack.enter_context(opened(self.place(Shape(n, size)), self.by_heart, owner(0)))
                for n in (many, 1)
            )
            first, first_alone = (
                1e3 * seconds(partial(memory.search, self.asked[-2], k=10, reinforce=False))
                for memory in (shared, alone)
            )
            # A few owners in turn, so that what is kept of one is not all that is measured.
            few = [owner(n) for n in range(min(many, 8))]
            for scope in few:
                shared.search(self.asked[-1], k=10, scope=scope, reinforce=False)
            times = in_turns(self._ask(shared, few), self._ask(alone), rounds)
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
            memory.search(self.asked[-1], k=10, reinforce=False)
        gc.collect()
        return lambda i: memory.search(
            self.asked[i], k=10, scope=among[i % len(among)], reinforce=False
        )


def bare_query(
    memory: MemoryController, embeddings: Embeddings, scope: Scope
) -> Callable[[str], object]:
    """Return what embeds a question and asks Chroma for 30 turns and their documents."""
    store: Any = memory.services.store
    collection = store._partitions.find(scope, Granularity.TURN)
    embedder = Embedder(embeddings, cached_queries=0)

    def ask(text: str) -> object:
        vector = embedder.query(text)
        return collection.query(
            query_embeddings=[vector], n_results=30, include=["documents", "distances"]
        )

    return ask
