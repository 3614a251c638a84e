"""Proactive recall, after MADial: the right memories for the last turns of a conversation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from agentmem.controller.controller import MemoryController
from agentmem.embedding.embedder import Embedder
from agentmem.evaluation.baselines import baseline_scores
from agentmem.progress import NullProgress, Progress
from agentmem_stores import DataFormatError, Granularity, InMemoryStore, Scope

__all__ = ["CUTOFFS", "measure_proactive"]

CUTOFFS = (1, 3, 10)
_HITS = max(CUTOFFS)
_SCOPE = Scope("user")
_SPEECH = re.compile(r"^([^:]{1,30}): (.*)$", re.DOTALL)


def measure_proactive(
    path: Path, embeddings: Embeddings, *, progress: Progress | None = None
) -> dict[str, dict[int, float]]:
    """Return for how many conversations a right memory is among the first 1, 3 and 10.

    Returns:
        By ranking and cutoff. `recall`: `recall()` of the last turns; `last_turn`: a search for
        the last turn alone; `dense_turns`, `bm25_turns` and `hybrid_turns`: plain rankings for the
        last turns, with the names of their speakers; `dense_last_turn` and so on: for the last.

    Raises:
        DataFormatError: the file has not MADial's form.
    """
    try:
        [data] = json.loads(path.read_text(encoding="utf-8"))
        sessions, questions = data["sessions"], data["questions"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataFormatError(f"{path} is not a file of MADial: {error!r}") from error
    report, scores = progress or NullProgress(), dict[str, list[list[bool]]]()
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
                right = set(question["evidence_turn_ids"])
                row = [not right.isdisjoint(ids[:cutoff]) for cutoff in CUTOFFS]
                scores.setdefault(name, []).append(row)
            report.advance("madial", 1)
    return {
        name: dict(zip(CUTOFFS, np.mean(rows, axis=0).tolist(), strict=True))
        for name, rows in scores.items()
    }


def _message(session: dict[str, Any], turn: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": turn["role"],
        "content": turn["content"],
        "id": turn["turn_id"],
        "timestamp": session["date"],
    }


def _rankings(memory: MemoryController, context: list[str]) -> dict[str, list[str]]:
    matches = [_SPEECH.match(line) for line in context]
    messages = [
        {"role": "assistant" if m[1] == "Assistant" else "user", "speaker": m[1], "content": m[2]}
        for m in matches
        if m is not None
    ]
    recalled = memory.recall(messages, max_tokens=4000, reinforce=False)
    last_turn = memory.search(str(messages[-1]["content"]), k=_HITS, reinforce=False)
    return {
        "recall": [hit.memory.id for hit in recalled.hits],
        "last_turn": [hit.memory.id for hit in last_turn],
        **_baselines(memory, "\n".join(context), "turns"),
        **_baselines(memory, context[-1], "last_turn"),
    }


def _baselines(memory: MemoryController, text: str, name: str) -> dict[str, list[str]]:
    table = memory.services.memories.index(_SCOPE).tables[Granularity.TURN]
    rows = np.array(sorted(table.row_of.values()), dtype=np.intp)
    scores = baseline_scores(memory, _SCOPE, text, rows)
    return {
        f"{kind}_{name}": [table.ids[rows[i]] for i in np.argsort(-values, kind="stable")]
        for kind, values in scores.items()
    }
