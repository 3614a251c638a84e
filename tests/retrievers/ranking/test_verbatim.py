"""Turns that are the question word for word are found without a look at all turns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, MemoryController, Scope
from agentmem_retrievers.engine import Query
from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.table import Table
from agentmem_retrievers.ranking.pipeline import TurnRanking
from agentmem_stores import Granularity

NOW, ADA = datetime(2026, 1, 5, tzinfo=UTC), Scope("ada")
TEXTS = (
    "Where does my sister live now?",
    "where does my sister live now?",
    "  Where does\tmy sister\n live now? ",
    "Is it the one that you had?",
    "Biscuit's vet is in Porto.",
    "猫が好き",
    "Wo wohnt meine Schwester?",
    "C++ 3.10 cost £45, not -5.",
    "Melanie lives here.",
    "…",
)


def ranking_of(memory: MemoryController, text: str) -> TurnRanking:
    query = Query(text, memory.services.embedder.query, NOW)
    return memory.services.engine.ranking(ADA, query)


def verbatim(ranking: TurnRanking, table: Table | None = None) -> tuple[list[int], list[int]]:
    """Return the rows that are found, and those that a look at all turns finds."""
    table = table or ranking.index.tables[Granularity.TURN]
    found = ranking._verbatim_rows(table, ranking.lexical)
    every = np.flatnonzero(table.column("text_key") == ranking.question.text_key)
    return sorted(found.tolist()), every.tolist()


@pytest.mark.parametrize("speaker", [None, "Melanie"])
def test_a_turn_is_found_by_its_text(embeddings: Embeddings, speaker: str | None) -> None:
    with MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings) as memory:
        for text in (*TEXTS, "Something else about my sister.", *TEXTS[:3]):
            memory.add([{"role": "user", "content": text, "name": speaker}], session_id="s")
        edited = memory.get_all(limit=1)[0]
        for text in TEXTS:
            found, every = verbatim(ranking_of(memory, text))
            assert found == every
            assert found
        memory.update(edited.id, text="Nothing of the sort.")
        memory.delete(memory.search(TEXTS[0], k=1)[0].memory.id)
        for text in (*TEXTS, edited.text, "Nothing of the sort.", "Never said."):
            found, every = verbatim(ranking_of(memory, text))
            assert found == every


def test_a_turn_is_found_in_a_file_and_beside_it(embeddings: Embeddings) -> None:
    with MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings) as memory:
        memory.add([{"role": "user", "content": text} for text in TEXTS], session_id="s")
        ranking, file = ranking_of(memory, TEXTS[0]), ArrayFile()
        table = ranking.index.tables[Granularity.TURN]
        [first, *_] = memory.get_all(limit=None)
        dimension = memory.services.embedder.spec.dimension
        table.to_arrays(file, "turn")
        read = Table.from_arrays(file, "turn", dimension)
        turn = replace(first, id="again", text=TEXTS[0])
        read.put(turn, 0, np.ones(dimension, dtype=np.float32) / dimension**0.5)
        ranking.index.tables[Granularity.TURN] = read
        found, every = verbatim(replace(ranking), read)
        assert found == every
        assert len(found) == 3
