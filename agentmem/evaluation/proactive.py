"""Proactive recall, after MADial: which memory ought to come to mind, given the last turns?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from agentmem.controller.controller import MemoryController
from agentmem.embedding.embedder import Embedder
from agentmem.progress import NullProgress, Progress
from agentmem_stores import DataFormatError, Granularity, InMemoryStore, Scope

__all__ = ["measure_proactive"]

_TOP = 10
_SCOPE = Scope("user")
_SAID = re.compile(r"^([^:]{1,30}): (.*)$", re.DOTALL)


def measure_proactive(
    path: Path, embeddings: Embeddings, *, progress: Progress | None = None
) -> dict[str, float]:
    """Return for how many conversations a right memory is among the first ten.

    Returns:
        `recall`: `recall()` of the last turns; `last_turn`: a search for the last turn alone;
        `dense_last_turn` and `dense_turns`: by cosine, to the last turn and to all of them.

    Raises:
        DataFormatError: the file has not MADial's form.
    """
    try:
        [data] = json.loads(path.read_text(encoding="utf-8"))
        sessions, questions = data["sessions"], data["questions"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataFormatError(f"{path} has not the form of MADial: {error!r}") from error
    report, scores = progress or NullProgress(), dict[str, list[float]]()
    report.expect("madial", len(questions))
    with MemoryController(
        InMemoryStore(Embedder(embeddings).spec),
        scope=_SCOPE,
        embeddings=embeddings,
        linger=None,
        sweep=False,
    ) as memory:
        memory.add_many({s["session_id"]: [_message(s, t) for t in s["turns"]] for s in sessions})
        for question in questions:
            for name, ids in _rankings(memory, question["context"]).items():
                right = not set(question["evidence_turn_ids"]).isdisjoint(ids[:_TOP])
                scores.setdefault(name, []).append(float(right))
            report.advance("madial", 1)
    return {name: float(np.mean(values)) for name, values in scores.items()}


def _message(session: dict[str, Any], turn: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": turn["role"],
        "content": turn["content"],
        "id": turn["turn_id"],
        "timestamp": session["date"],
    }


def _rankings(memory: MemoryController, context: list[str]) -> dict[str, list[str]]:
    matches = [_SAID.match(line) for line in context]
    turns = [
        {"role": "assistant" if m[1] == "Assistant" else "user", "speaker": m[1], "content": m[2]}
        for m in matches
        if m is not None
    ]
    last = str(turns[-1]["content"])
    recalled = memory.recall(turns, max_tokens=4000, reinforce=False)
    return {
        "recall": [hit.memory.id for hit in recalled.hits],
        "last_turn": [hit.memory.id for hit in memory.search(last, k=_TOP, reinforce=False)],
        "dense_last_turn": _dense(memory, last),
        "dense_turns": _dense(memory, " ".join(str(turn["content"]) for turn in turns)),
    }


def _dense(memory: MemoryController, text: str) -> list[str]:
    vector = memory.services.embedder.query(text)[np.newaxis]
    [neighbors] = memory.services.store.nearest(_SCOPE, Granularity.TURN, vector, _TOP)
    return [neighbor.id for neighbor in neighbors]
