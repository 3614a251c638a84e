"""MemPalace: a drawer for each turn, and its hybrid search."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peer_programs.common import MODEL, Session, run


class MemPalace:
    """A palace with one wing."""

    def __init__(self, folder: str, url: str) -> None:
        os.environ |= {
            "HOME": folder,
            "MEMPALACE_EMBEDDING_MODEL": "openai-compat",
            "MEMPALACE_EMBEDDING_API_URL": url,
            "MEMPALACE_EMBEDDING_API_MODEL": MODEL,
            "MEMPALACE_EMBEDDING_API_KEY": "none",
        }
        from mempalace.palace import get_collection
        from mempalace.searcher import search_memories

        self._palace = str(Path(folder, "palace"))
        self._collection = get_collection(self._palace, create=True)
        self._search = search_memories
        self._sessions = 0

    def add(self, session: Session) -> None:
        """Store the turns of a session in one call."""
        self._sessions += 1
        source = f"session-{self._sessions}"
        self._collection.upsert(
            ids=[turn["id"] for turn in session],
            documents=[turn["text"] for turn in session],
            metadatas=[
                {"wing": "user", "room": "chat", "source_file": source, "chunk_index": place}
                for place in range(len(session))
            ],
        )

    def search(self, question: str, k: int) -> list[str]:
        """Return the texts of the best drawers."""
        found = self._search(question, self._palace, n_results=k, candidate_strategy="union")
        return [hit["text"] for hit in found["results"]]


if __name__ == "__main__":
    run(MemPalace)
