"""A cache of ingested conversations, so that a conversation is embedded once for all runs."""

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

from agentmem.evaluation.tasks import FixedClock, end_of
from agentmem.folders import cache_folder
from agentmem.progress import Progress
from agentmem_stores import Granularity, MemoryStore, Scope, StoreUnavailableError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from agentmem.controller.controller import MemoryController
    from agentmem.formats.dialogue import Dialogue

__all__ = ["INGEST_VERSION", "IngestCache", "IngestedConversation", "default_cache"]

# Increase it when `add` or `end_session` write something else.
INGEST_VERSION = 12
_MEMORIES = "memories"


def default_cache() -> Path:
    """Return AGENTMEM_CACHE, else a folder in the system's cache."""
    return cache_folder("eval")


@dataclass(frozen=True)
class IngestedConversation:
    """The store of one conversation; several controllers may read it at once."""

    dialogue: Dialogue
    store: MemoryStore
    embeddings: Embeddings
    scope: Scope


@dataclass
class IngestCache:
    """A folder with one Chroma store per conversation, named after its content.

    The name is a hash of the conversation without its questions, the embedder and
    `INGEST_VERSION`. If one of them changes, the conversation is ingested again; other questions,
    or another size or order of the data set, change nothing. An interrupted ingest resumes.

    Args:
        folder: created when needed.
        embeddings: embed the memories.
        fresh: discard what earlier runs ingested.
    """

    folder: Path
    embeddings: Embeddings
    fresh: bool = False
    # Turns and ingest seconds of the conversations opened so far.
    _costs: dict[Path, tuple[int, float]] = field(default_factory=dict)

    @contextmanager
    def open(self, dialogue: Dialogue, progress: Progress) -> Iterator[IngestedConversation]:
        """Open the memory of a conversation; ingest what is missing.

        Raises:
            StoreUnavailableError: the folder cannot be written.
        """
        place = self._place(dialogue)
        self._make(place)
        with self._opened(dialogue, place / _MEMORIES) as conversation:
            self._complete(conversation, place, progress)
            yield conversation

    @contextmanager
    def consolidated(
        self, dialogue: Dialogue, progress: Progress
    ) -> Iterator[IngestedConversation]:
        """Open a temporary copy of that memory after `MemoryController.consolidate`.

        Raises:
            StoreUnavailableError: the folder cannot be written.
        """
        with self.copied(dialogue, progress) as conversation:
            _controller(conversation, self.embeddings).consolidate(
                progress=progress, scope=conversation.scope
            )
            yield conversation

    @contextmanager
    def copied(self, dialogue: Dialogue, progress: Progress) -> Iterator[IngestedConversation]:
        """Open a temporary copy of that memory, which may be changed.

        Raises:
            StoreUnavailableError: the folder cannot be written.
        """
        with self.open(dialogue, progress):
            pass
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            copy = Path(folder) / _MEMORIES
            shutil.copytree(self._place(dialogue) / _MEMORIES, copy)
            with self._opened(dialogue, copy) as conversation:
                yield conversation

    def _place(self, dialogue: Dialogue) -> Path:
        from agentmem.embedding.embedder import Embedder

        spec = Embedder(self.embeddings).spec
        name = f"{spec.name} {getattr(self.embeddings, 'backend', '')}".strip()
        return self.folder / _key(dialogue, name, spec.dimension)

    @contextmanager
    def _opened(self, dialogue: Dialogue, folder: Path) -> Iterator[IngestedConversation]:
        from agentmem import ChromaStore
        from agentmem.embedding.embedder import Embedder

        with ChromaStore.open(folder, Embedder(self.embeddings).spec) as store:
            yield IngestedConversation(
                dialogue, store, self.embeddings, Scope(dialogue.owner or "user")
            )

    def seconds_per_1000_turns(self) -> float | None:
        """Return the seconds that ingesting took, in whichever run; None if nothing is open."""
        turns = sum(turns for turns, _ in self._costs.values())
        return 1000 * sum(s for _, s in self._costs.values()) / turns if turns else None

    def _make(self, place: Path) -> None:
        try:
            if self.fresh and place not in self._costs and place.exists():
                shutil.rmtree(place)
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailableError(
                f"cannot write the cache {self.folder}: {error}; "
                "choose another folder with --cache or AGENTMEM_CACHE"
            ) from error

    def _complete(
        self, conversation: IngestedConversation, place: Path, progress: Progress
    ) -> None:
        # Written last: its presence says that the ingest is complete.
        marker = place / "ingest.json"
        if marker.exists():
            cost = json.loads(marker.read_text())
        else:
            cost = self._ingest(conversation, progress)
            unfinished = marker.with_suffix(".part")
            unfinished.write_text(json.dumps(cost))
            unfinished.replace(marker)
        self._costs[place] = (cost["turns"], cost["seconds"])

    def _ingest(self, conversation: IngestedConversation, progress: Progress) -> dict[str, float]:
        from agentmem.ingest import ingest

        turns = sum(len(session.turns) for session in conversation.dialogue.sessions)
        progress.expect("ingesting", turns)
        memory = _controller(conversation, self.embeddings)
        # Loading the weights is not part of the time per turn.
        self.embeddings.embed_query("warm up")
        start = time.perf_counter()
        report = ingest(
            memory,
            conversation.dialogue,
            scope=conversation.scope,
            progress=partial(progress.advance, "ingesting"),
        )
        return {"turns": report.written, "seconds": time.perf_counter() - start}


def _controller(conversation: IngestedConversation, embeddings: Embeddings) -> MemoryController:
    """Return what writes to a conversation's memory; the cache closes the store, not this."""
    from agentmem.controller.controller import MemoryController

    return MemoryController(
        conversation.store,
        embeddings=embeddings,
        clock=FixedClock(end_of(conversation.dialogue)),
        rng=_id_source(conversation),
        linger=None,
    )


def _id_source(conversation: IngestedConversation) -> random.Random:
    """Return a source of ids: the same in every run, and without repeats after a resume."""
    written = sum(1 for _ in conversation.store.scan(conversation.scope, Granularity.TURN))
    return random.Random(f"{conversation.scope}:{written}")


def _key(dialogue: Dialogue, embedder: str, dimension: int) -> str:
    content = [asdict(session) for session in dialogue.sessions]
    raw = json.dumps(
        [INGEST_VERSION, embedder, dimension, dialogue.owner, content],
        default=str,
        sort_keys=True,
    )
    return hashlib.sha256(raw.encode()).hexdigest()[:32]
