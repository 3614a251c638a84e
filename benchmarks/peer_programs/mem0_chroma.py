"""mem0 on Chroma, with `infer=False`, so that no model reads the messages."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.peer_programs.common import MODEL, Session, run


class Mem0:
    """mem0's memory of one user."""

    def __init__(self, folder: str, url: str) -> None:
        os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": folder}
        from mem0 import Memory

        endpoint = {"api_key": "none", "openai_base_url": url}
        self._memory = Memory.from_config(
            {
                "vector_store": {
                    "provider": "chroma",
                    "config": {"collection_name": "turns", "path": str(Path(folder, "chroma"))},
                },
                "embedder": {"provider": "openai", "config": {"model": MODEL, **endpoint}},
                "llm": {"provider": "openai", "config": {**endpoint}},
                "history_db_path": str(Path(folder, "history.db")),
            }
        )

    def add(self, session: Session) -> None:
        """Store the messages of a session in one call."""
        messages = [{"role": turn["role"], "content": turn["text"]} for turn in session]
        self._memory.add(messages, user_id="user", infer=False)

    def search(self, question: str, k: int) -> list[str]:
        """Return the texts of the best memories."""
        found = self._memory.search(question, filters={"user_id": "user"}, top_k=k, threshold=0.0)
        return [hit["memory"] for hit in found["results"]]


if __name__ == "__main__":
    run(Mem0)
