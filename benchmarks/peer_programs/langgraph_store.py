"""LangGraph's InMemoryStore with an index."""

from __future__ import annotations

from benchmarks.peer_programs.common import Session, embed, run


class InMemory:
    """LangGraph's store, a namespace for one user."""

    def __init__(self, folder: str, url: str) -> None:
        from langgraph.store.base import PutOp
        from langgraph.store.memory import InMemoryStore

        self._put = PutOp
        self._store = InMemoryStore(
            index={"dims": 384, "embed": lambda texts: embed(url, texts), "fields": ["text"]}
        )

    def add(self, session: Session) -> None:
        """Store the turns of a session in one call."""
        self._store.batch(
            [self._put(("user",), turn["id"], {"text": turn["text"]}) for turn in session]
        )

    def search(self, question: str, k: int) -> list[str]:
        """Return the texts of the best items."""
        return [
            item.value["text"] for item in self._store.search(("user",), query=question, limit=k)
        ]


if __name__ == "__main__":
    run(InMemory)
