"""Conversations that were ingested once, kept for the next run."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agentmem.evaluation.tasks import Moment, Progress, end_of
from agentmem.folders import cache_folder
from agentmem_stores import Granularity, MemoryStore, Scope, StoreUnavailableError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue

__all__ = ["INGEST_VERSION", "IngestCache", "Ingested", "default_cache"]

# To be raised when what `add` and `end_session` write changes.
INGEST_VERSION = 8
_MEMORIES = "memories"


def default_cache() -> Path:
    """Return AGENTMEM_CACHE, else the place where this system keeps what can be made again."""
    return cache_folder("eval")


@dataclass(frozen=True)
class Ingested:
    """The store of one conversation; several controllers may read it at once."""

    dialogue: Dialogue
    store: MemoryStore
    embeddings: Embeddings
    scope: Scope


@dataclass
class IngestCache:
    """A folder with one Chroma store for each conversation, named after its content.

    The name is a hash of the conversation without its questions, of the embedder and of the
    version of ingesting. So whatever changes one of them is ingested anew, other questions are
    not, and neither the size of the data set nor the order in it makes a difference. An ingest
    that was interrupted goes on where it stopped.

    Args:
        folder: where it lives; made when needed.
        embeddings: what embeds the memories.
        fresh: forget what was ingested earlier.
    """

    folder: Path
    embeddings: Embeddings
    fresh: bool = False
    # Turns and seconds of the conversations opened so far, when they were ingested.
    _taken: dict[Path, tuple[int, float]] = field(default_factory=dict)

    @contextmanager
    def open(self, dialogue: Dialogue, progress: Progress) -> Iterator[Ingested]:
        """Open the memory of a conversation, ingesting what of it is missing.

        Raises:
            StoreUnavailableError: the folder cannot be written.
        """
        place = self._place(dialogue)
        self._make(place)
        with self._opened(dialogue, place / _MEMORIES) as found:
            self._complete(found, place, progress)
            yield found

    @contextmanager
    def consolidated(self, dialogue: Dialogue, progress: Progress) -> Iterator[Ingested]:
        """Open a copy, gone afterwards, of that memory after `MemoryController.consolidate`.

        Raises:
            StoreUnavailableError: the folder cannot be written.
        """
        with self.open(dialogue, progress):
            pass
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            copy = Path(folder) / _MEMORIES
            shutil.copytree(self._place(dialogue) / _MEMORIES, copy)
            with self._opened(dialogue, copy) as found:
                _controller(found, self.embeddings).consolidate(
                    progress=progress, scope=found.scope
                )
                yield found

    def _place(self, dialogue: Dialogue) -> Path:
        from agentmem.embedding.embedder import Embedder

        spec = Embedder(self.embeddings).spec
        name = f"{spec.name} {getattr(self.embeddings, 'backend', '')}".strip()
        return self.folder / _key(dialogue, name, spec.dimension)

    @contextmanager
    def _opened(self, dialogue: Dialogue, folder: Path) -> Iterator[Ingested]:
        from agentmem import ChromaStore
        from agentmem.embedding.embedder import Embedder

        with ChromaStore.open(folder, Embedder(self.embeddings).spec) as store:
            yield Ingested(dialogue, store, self.embeddings, Scope(dialogue.owner or "user"))

    def seconds_per_1000_turns(self) -> float | None:
        """Return how long ingesting took, whenever it was done; None if nobody measured it."""
        turns = sum(turns for turns, _ in self._taken.values())
        return 1000 * sum(s for _, s in self._taken.values()) / turns if turns else None

    def _make(self, place: Path) -> None:
        try:
            if self.fresh and place not in self._taken and place.exists():
                shutil.rmtree(place)
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot keep ingested conversations in {self.folder}: {error}; "
                "name another folder with --cache or AGENTMEM_CACHE"
            ) from error

    def _complete(self, found: Ingested, place: Path, progress: Progress) -> None:
        # Written last, so that it tells that all of the conversation is there.
        mark = place / "ingest.json"
        if mark.exists():
            kept = json.loads(mark.read_text())
        else:
            kept = self._ingest(found, progress)
            unfinished = mark.with_suffix(".part")
            unfinished.write_text(json.dumps(kept))
            unfinished.replace(mark)
        self._taken[place] = (kept["turns"], kept["seconds"])

    def _ingest(self, found: Ingested, progress: Progress) -> dict[str, float]:
        from agentmem.ingest import ingest

        turns = sum(len(session.turns) for session in found.dialogue.sessions)
        progress.expect("ingesting", turns)
        memory = _controller(found, self.embeddings)
        # Loading the weights is not what a turn takes.
        self.embeddings.embed_query("warm up")
        start = time.perf_counter()
        report = ingest(
            memory,
            found.dialogue,
            scope=found.scope,
            progress=partial(progress.advance, "ingesting"),
        )
        return {"turns": report.written, "seconds": time.perf_counter() - start}


def _controller(found: Ingested, embeddings: Embeddings) -> MemoryController:
    """What writes to a conversation's memory; not to be closed, as it owns no store."""
    from agentmem.controller.controller import MemoryController

    return MemoryController(
        found.store,
        embeddings=embeddings,
        clock=Moment(end_of(found.dialogue)),
        rng=_ids(found),
        linger=None,
    )


def _ids(found: Ingested) -> random.Random:
    """A source of ids, the same in every run, that after an interruption repeats none."""
    held = sum(1 for _ in found.store.scan(found.scope, Granularity.TURN))
    return random.Random(f"{found.scope}:{held}")


def _key(dialogue: Dialogue, embedder: str, dimension: int) -> str:
    content = [asdict(session) for session in dialogue.sessions]
    raw = json.dumps(
        [INGEST_VERSION, embedder, dimension, dialogue.owner, content],
        default=str,
        sort_keys=True,
    )
    return hashlib.sha256(raw.encode()).hexdigest()[:32]
