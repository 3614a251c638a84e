"""`Table.context_cosines`: the lengths of context vectors are kept until a context changes."""

from __future__ import annotations

import random

import numpy as np
import pytest

from agentmem_retrievers.index.array_file import ArrayFile
from agentmem_retrievers.index.table import Table
from agentmem_stores import Scope, Vectors
from agentmem_stores.conformance import make_memory

ADA, DIMENSION = Scope("ada"), 8


def unit_vectors(count: int) -> Vectors:
    rows = np.random.default_rng(0).normal(size=(count, DIMENSION)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def put(table: Table, memory_id: str, position: int, vector: Vectors) -> None:
    memory = make_memory(memory_id, ADA, session_id="s1", position=position)
    table.put(memory, 0, vector)


def cosines(table: Table) -> dict[str, tuple[float, float]]:
    """Return the cosine of each memory, and of its context, to the first axis."""
    rows = np.array(sorted(table.row_of.values()), dtype=np.intp)
    axis: Vectors = np.eye(DIMENSION, dtype=np.float32)[0]
    own, near = table.context_cosines(table.context(rows, radius=2), axis)
    pairs = zip(own.tolist(), near.tolist(), strict=True)
    return dict(zip([table.ids[row] for row in rows], pairs, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_contexts_follow_what_is_written_and_deleted(seed: int) -> None:
    rng, vectors = random.Random(seed), unit_vectors(40)
    table, positions = Table(DIMENSION), dict[str, int]()
    for step in range(40):
        if positions and rng.random() < 0.3:
            memory_id = rng.choice(sorted(positions))
            table.remove(memory_id)
            del positions[memory_id]
        else:
            # Anywhere in the session, also between turns whose contexts are known.
            memory_id = f"m{step}"
            positions[memory_id] = position = rng.randrange(1000)
            put(table, memory_id, position, vectors[step])
        # Asked after each change, so that lengths are known when the next one comes.
        actual = cosines(table)
        fresh = Table(DIMENSION)
        for known in sorted(positions, key=lambda i: (positions[i], int(i[1:]))):
            put(fresh, known, positions[known], vectors[int(known[1:])])
        assert actual == {i: pytest.approx(pair, abs=1e-6) for i, pair in cosines(fresh).items()}


def test_a_replaced_turn_changes_the_contexts_around_it() -> None:
    table, vectors = Table(DIMENSION), unit_vectors(4)
    for n in range(3):
        put(table, f"m{n}", n, vectors[n])
    before = cosines(table)

    put(table, "m1", 1, vectors[3])

    after = cosines(table)
    assert after["m0"][0] == before["m0"][0]
    assert all(after[i][1] != pytest.approx(before[i][1]) for i in before)


def test_a_file_has_the_lengths_of_all_contexts() -> None:
    table, vectors, file = Table(DIMENSION), unit_vectors(6), ArrayFile()
    for n in range(6):
        put(table, f"m{n}", n, vectors[n])
    table.remove("m3")

    table.to_arrays(file, "turn")

    lengths = file.arrays["turn.context_lengths"]
    assert np.isnan(lengths).tolist() == [n == 3 for n in range(6)]
    read = Table.from_arrays(file, "turn", DIMENSION)
    assert cosines(read) == cosines(table)
    put(read, "m6", 3, vectors[3])
    put(table, "m6", 3, vectors[3])
    assert cosines(read) == cosines(table)
