"""Tests that every implementation of `MemoryStore` must pass; needs pytest and hypothesis.

Subclass `StoreConformance` in a test module and give it a fixture `store` that yields an empty
store and closes it:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self) -> Iterator[MemoryStore]:
            with MyStore(EmbedderSpec("test", 8)) as store:
                yield store

The class attribute `n_memories` is the number of memories that the largest tests write.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentmem_stores.errors import ClosedError, InvalidInputError, MemoryNotFoundError
from agentmem_stores.records import Edge, Granularity, Memory, RecallEvent, Scope, State
from agentmem_stores.store import Batch, Entry, MemoryStore, Vectors, token_code_bytes

__all__ = ["StoreConformance", "make_entry", "make_memory", "memories", "unit_vectors"]

ADA, BEN = Scope("ada"), Scope("ben")
TURN, SESSION = Granularity.TURN, Granularity.SESSION
SOME_TIME = datetime(2026, 1, 5, 9, 30, 15, 123456, tzinfo=UTC)

# Ids and names that a backend could misread as paths, wildcards, queries or filters.
HOSTILE = (
    "*",
    "../x",
    "a/b",
    "'; DROP TABLE memories; --",
    '{"$ne": ""}',
    "$and",
    "nul\0inside",
    "two\nlines",
    " padded ",
    "é",
    "e\u0301",
    "\u0430da",
    "\u202eada",
    "\U0001f436",
    "x" * 10_000,
)

_fresh = itertools.count()
_bounded = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def make_memory(memory_id: str, scope: Scope = ADA, **fields: Any) -> Memory:
    """Return a memory with defaults for all fields but the id.

    >>> make_memory("m1", text="I like tea.").text
    'I like tea.'
    """
    values = {
        "granularity": TURN,
        "text": f"This is {memory_id[:40]!r}.",
        "session_id": "s1",
        "said_at": SOME_TIME,
        "written_at": SOME_TIME,
        **fields,
    }
    return Memory(id=memory_id, scope=scope, **values)


def make_entry(
    store: MemoryStore, memory_id: str, scope: Scope = ADA, *, seed: int = 0, **fields: Any
) -> Entry:
    """Return an entry for a store, with a vector drawn with `seed`."""
    return Entry(make_memory(memory_id, scope, **fields), unit_vectors(store, 1, seed)[0])


def unit_vectors(store: MemoryStore, count: int, seed: int = 0) -> Vectors:
    """Return unit vectors of the store's dimension, float32 of shape (count, dimension)."""
    drawn = np.random.default_rng(seed).normal(size=(count, store.embedder.dimension))
    units: Vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return units


def memories(scope: Scope = ADA) -> st.SearchStrategy[Memory]:
    """Return a hypothesis strategy for memories of a scope that draws every field."""
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    name = text.filter(bool)
    moment = st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, None]).map(lambda zone: zone or UTC),
    )
    number = st.floats(allow_nan=False, allow_infinity=False)
    plain = st.none() | st.booleans() | st.integers() | number | text
    return st.builds(
        Memory,
        id=name,
        scope=st.just(scope),
        granularity=st.sampled_from(Granularity),
        text=text.filter(str.strip),
        session_id=name,
        said_at=moment,
        written_at=moment,
        role=st.sampled_from(["user", "assistant", "tool", "system"]),
        speaker=st.none() | text,
        position=st.integers(0, 10**6),
        strength=st.floats(1e-6, 1e9),
        last_recalled_at=st.none() | moment,
        recall_count=st.integers(0, 10**6),
        recalls=st.lists(st.builds(RecallEvent, moment, st.floats(1e-6, 1e9)), max_size=3).map(
            tuple
        ),
        state=st.sampled_from(State),
        state_changed_at=st.none() | moment,
        expires_at=st.none() | moment,
        version=st.integers(1, 1000),
        version_of=st.none() | name,
        sources=st.lists(name, max_size=3).map(tuple),
        edges=st.lists(st.builds(Edge, name, st.floats(1e-6, 1.0)), max_size=3).map(tuple),
        metadata=st.dictionaries(
            text, plain | st.lists(plain, max_size=2) | st.dictionaries(text, plain), max_size=3
        ),
    )


def _ids(store: MemoryStore, scope: Scope = ADA, granularity: Granularity = TURN) -> list[str]:
    return sorted(memory.id for memory in store.scan(scope, granularity))


def _near(store: MemoryStore, vectors: Vectors, n: int, scope: Scope = ADA) -> list[list[str]]:
    return [[hit.id for hit in row] for row in store.nearest(scope, TURN, vectors, n)]


def _put(store: MemoryStore, vectors: Vectors, scope: Scope = ADA, prefix: str = "m") -> None:
    put = [Entry(make_memory(f"{prefix}{i}", scope), v) for i, v in enumerate(vectors)]
    store.write(Batch(scope, put=put))


class StoreConformance:
    """The tests; see the module."""

    n_memories: int = 200

    def test_all_fields_are_read_back(self, store: MemoryStore) -> None:
        """A memory equals what was written, to the microsecond and code point."""

        @_bounded
        @given(st.lists(memories(), min_size=1, max_size=6, unique_by=lambda m: m.id))
        def check(drawn: list[Memory]) -> None:
            scope = Scope(f"owner {next(_fresh)}")
            expected = [replace(memory, scope=scope) for memory in drawn]
            vectors = unit_vectors(store, len(expected))
            put = [Entry(m, v) for m, v in zip(expected, vectors, strict=True)]
            store.write(Batch(scope, put=put))
            for memory, vector in zip(expected, vectors, strict=True):
                [entry] = store.get(scope, memory.granularity, [memory.id])
                assert entry.memory == memory
                assert entry.vector.dtype == np.float32
                np.testing.assert_allclose(entry.vector, vector, atol=1e-6)
            scanned = [m for g in Granularity for m in store.scan(scope, g)]
            assert sorted(scanned, key=lambda m: m.id) == sorted(expected, key=lambda m: m.id)

        check()

    def test_get_returns_entries_in_the_order_of_ids(self, store: MemoryStore) -> None:
        """Unknown ids are left out, repeated ones are repeated."""
        _put(store, unit_vectors(store, 3))
        entries = store.get(ADA, TURN, ["m2", "unknown", "m0", "\ud800", "m2"])
        assert [entry.memory.id for entry in entries] == ["m2", "m0", "m2"]
        assert store.get(ADA, TURN, []) == []

    def test_empty_store(self, store: MemoryStore) -> None:
        """Reading an unknown scope is no error and does not create it."""
        assert store.get(ADA, TURN, ["m0"]) == []
        assert list(store.scan(ADA, TURN)) == []
        assert _near(store, unit_vectors(store, 2), 3) == [[], []]
        assert store.scopes() == []

    def test_scan_includes_every_state(self, store: MemoryStore) -> None:
        """Archived and superseded memories are included."""
        put = [make_entry(store, state, state=state) for state in State]
        store.write(Batch(ADA, put=put))
        assert _ids(store) == sorted(State)

    def test_scan_tolerates_writes(self, store: MemoryStore) -> None:
        """What exists from beginning to end is yielded once, whatever is written meanwhile."""
        _put(store, unit_vectors(store, 30))
        scan = store.scan(ADA, TURN)
        seen = [next(scan).id]
        deleted = next(f"m{i}" for i in range(30) if f"m{i}" not in seen)
        store.write(Batch(ADA, put=[make_entry(store, "new")], delete=[(TURN, deleted)]))
        seen += [memory.id for memory in scan]
        assert len(seen) == len(set(seen))
        assert set(seen) >= {f"m{i}" for i in range(30)} - {deleted}

    def test_put_replaces_all_fields(self, store: MemoryStore) -> None:
        """No field of the previous memory remains."""
        full = make_entry(
            store,
            "m",
            speaker="Ada",
            last_recalled_at=SOME_TIME,
            edges=(Edge("x", 0.5),),
            sources=("y",),
            metadata={"mood": "glad"},
        )
        bare = make_entry(store, "m", seed=1, text="Something else.")
        store.write(Batch(ADA, put=[full]))
        store.write(Batch(ADA, put=[bare]))
        [entry] = store.get(ADA, TURN, ["m"])
        assert entry.memory == bare.memory
        np.testing.assert_allclose(entry.vector, bare.vector, atol=1e-6)

    def test_patch_replaces_all_but_text_and_vector(self, store: MemoryStore) -> None:
        """Fields that are now None or empty do not keep their previous values."""
        entry = make_entry(
            store, "m", speaker="Ada", last_recalled_at=SOME_TIME, edges=(Edge("x", 0.5),)
        )
        store.write(Batch(ADA, put=[entry]))
        for changed in (
            replace(entry.memory, speaker=None, edges=(), strength=4.5, recall_count=2),
            replace(entry.memory, last_recalled_at=None, state=State.ARCHIVED, metadata={"a": 1}),
        ):
            store.write(Batch(ADA, patch=[changed]))
            [stored] = store.get(ADA, TURN, ["m"])
            assert stored.memory == changed
            np.testing.assert_allclose(stored.vector, entry.vector, atol=1e-6)

    def test_token_codes_survive_patches(self, store: MemoryStore) -> None:
        """They are read back bit by bit, and replaced together with the text."""
        codes = bytes(range(token_code_bytes(store.embedder.dimension))) * 3
        entry = replace(make_entry(store, "m"), token_codes=codes)
        store.write(Batch(ADA, put=[entry, make_entry(store, "n", seed=1)]))
        store.write(Batch(ADA, patch=[replace(entry.memory, strength=4.5)]))
        assert [entry.token_codes for entry in store.get(ADA, TURN, ["m", "n"])] == [codes, b""]
        assert {e.memory.id: e.token_codes for e in store.scan_entries(ADA, TURN)} == {
            "m": codes,
            "n": b"",
        }
        store.write(Batch(ADA, put=[make_entry(store, "m", seed=2)]))
        assert [entry.token_codes for entry in store.get(ADA, TURN, ["m"])] == [b""]

    def test_deleted_memories_are_not_found(self, store: MemoryStore) -> None:
        """Neither by id nor by scan nor by vector; unknown ids are ignored."""
        vectors = unit_vectors(store, 3)
        _put(store, vectors)
        store.write(Batch(ADA, delete=[(TURN, "m1"), (TURN, "unknown"), (SESSION, "m0")]))
        assert store.get(ADA, TURN, ["m1"]) == []
        assert _ids(store) == ["m0", "m2"]
        assert sorted(_near(store, vectors[1:2], 3)[0]) == ["m0", "m2"]

    def test_batch_changes_several_granularities(self, store: MemoryStore) -> None:
        """Puts, patches and deletions of one batch are all applied."""
        _put(store, unit_vectors(store, 2))
        patched = make_memory("m0", recall_count=1)
        store.write(
            Batch(
                ADA,
                put=[make_entry(store, "s", granularity=SESSION), make_entry(store, "m2")],
                patch=[patched],
                delete=[(TURN, "m1")],
            )
        )
        assert _ids(store) == ["m0", "m2"]
        assert store.get(ADA, TURN, ["m0"])[0].memory.recall_count == 1
        assert _ids(store, granularity=SESSION) == ["s"]

    @pytest.mark.parametrize(
        "invalid",
        [
            lambda e: Batch(ADA, put=[Entry(replace(e.memory, scope=BEN), e.vector)]),
            lambda e: Batch(ADA, patch=[replace(e.memory, scope=BEN)]),
            lambda e: Batch(ADA, put=[e, e]),
            lambda e: Batch(ADA, put=[e], patch=[e.memory]),
            lambda e: Batch(ADA, put=[e], delete=[(TURN, e.memory.id)]),
            lambda e: Batch(ADA, put=[Entry(e.memory, e.vector[:-1])]),
            lambda e: Batch(ADA, put=[Entry(e.memory, e.vector[np.newaxis])]),
            lambda e: Batch(ADA, put=[Entry(e.memory, e.vector * np.float32("nan"))]),
            lambda e: Batch(ADA, put=[Entry(e.memory, e.vector * 0)]),
            lambda e: Batch(ADA, put=[replace(e, token_codes=b"cut short")]),
            lambda e: Batch(ADA, put=[Entry(replace(e.memory, metadata={"x": {1}}), e.vector)]),
            lambda e: Batch(ADA, patch=[replace(e.memory, metadata={"x": float("inf")})]),
        ],
        ids=[
            "another scope's entry",
            "another scope's patch",
            "put twice",
            "put and patched",
            "put and deleted",
            "too short a vector",
            "a vector of two dimensions",
            "nan",
            "a zero vector",
            "truncated token codes",
            "metadata that is not JSON",
            "metadata that is not finite",
        ],
    )
    def test_invalid_batch_writes_nothing(
        self, store: MemoryStore, invalid: Callable[[Entry], Batch]
    ) -> None:
        """The whole batch is rejected, its valid part too."""
        store.write(Batch(ADA, put=[make_entry(store, "m")]))
        before = store.revision(ADA)
        batch = invalid(make_entry(store, "m", text="Something else."))
        valid = make_entry(store, "valid", granularity=SESSION)
        with pytest.raises(InvalidInputError):
            store.write(replace(batch, put=[valid, *batch.put]))
        assert _ids(store, granularity=SESSION) == []
        assert store.get(ADA, TURN, ["m"])[0].memory == make_memory("m")
        assert store.revision(ADA) == before
        assert store.scopes() == [ADA]

    @pytest.mark.parametrize("granularity", [TURN, SESSION])
    def test_patch_of_unknown_memory_writes_nothing(
        self, store: MemoryStore, granularity: Granularity
    ) -> None:
        """An id of another granularity or of another scope is unknown too."""
        store.write(Batch(ADA, put=[make_entry(store, "m")]))
        store.write(Batch(BEN, put=[make_entry(store, "his", BEN)]))
        unknown = make_memory("his" if granularity is TURN else "m", granularity=granularity)
        with pytest.raises(MemoryNotFoundError, match=unknown.id):
            store.write(Batch(ADA, put=[make_entry(store, "n")], patch=[unknown]))
        assert _ids(store) == ["m"]

    def test_store_copies_its_input(self, store: MemoryStore) -> None:
        """The caller may reuse the array of a vector and the dict of metadata."""
        entry = make_entry(store, "m", metadata={"mood": "glad"})
        vector = entry.vector.copy()
        store.write(Batch(ADA, put=[entry]))
        entry.vector[:] = 7
        entry.memory.metadata["mood"] = "sad"  # type: ignore[index]
        [stored] = store.get(ADA, TURN, ["m"])
        np.testing.assert_allclose(stored.vector, vector, atol=1e-6)
        assert stored.memory.metadata == {"mood": "glad"}

    def test_threads_lose_no_writes(self, store: MemoryStore) -> None:
        """Several threads write and search at once."""

        def work(worker: int) -> None:
            for i in range(5):
                entry = make_entry(store, f"w{worker}-{i}", seed=worker * 10 + i)
                store.write(Batch(ADA, put=[entry]))
                assert _near(store, entry.vector[np.newaxis], 1) == [[entry.memory.id]]

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert _ids(store) == sorted(f"w{w}-{i}" for w in range(4) for i in range(5))

    def test_nearest_returns_the_best_first(self, store: MemoryStore) -> None:
        """Order and similarities equal those of an exact search."""
        vectors = unit_vectors(store, self.n_memories)
        _put(store, vectors)
        queries = unit_vectors(store, 4, seed=1)
        expected = queries @ vectors.T
        for row, hits in zip(expected, store.nearest(ADA, TURN, queries, 10), strict=True):
            best = np.argsort(-row)[:10]
            assert [hit.id for hit in hits] == [f"m{i}" for i in best]
            np.testing.assert_allclose([hit.similarity for hit in hits], row[best], atol=1e-5)

    def test_similarities_are_cosines(self, store: MemoryStore) -> None:
        """They are in [-1, 1] for queries of any length."""
        vector = unit_vectors(store, 1)
        _put(store, np.concatenate([vector, -vector]))
        [hits] = store.nearest(ADA, TURN, 5 * vector, 2)
        assert [hit.id for hit in hits] == ["m0", "m1"]
        assert [hit.similarity for hit in hits] == pytest.approx([1, -1], abs=1e-6)
        assert all(-1 <= hit.similarity <= 1 for hit in hits)

    def test_nearest_returns_all_of_a_small_scope(self, store: MemoryStore) -> None:
        """Even of near-identical vectors, some of which a graph of neighbors loses."""
        vectors = unit_vectors(store, 1) + 1e-4 * unit_vectors(store, self.n_memories, seed=1)
        _put(store, vectors)
        [hits] = _near(store, vectors[:1], self.n_memories + 50)
        assert sorted(hits) == sorted(f"m{i}" for i in range(self.n_memories))

    def test_nearest_follows_every_change(self, store: MemoryStore) -> None:
        """The next search sees what was put, replaced and deleted."""
        first, second = unit_vectors(store, 2)
        query = first[np.newaxis]
        store.write(Batch(ADA, put=[Entry(make_memory("a"), first)]))
        assert _near(store, query, 1) == [["a"]]
        store.write(Batch(ADA, put=[Entry(make_memory("b"), second)]))
        assert _near(store, query, 2) == [["a", "b"]]
        store.write(
            Batch(ADA, put=[Entry(make_memory("a"), second), Entry(make_memory("b"), first)])
        )
        assert _near(store, query, 1) == [["b"]]
        store.write(Batch(ADA, delete=[(TURN, "b")]))
        assert _near(store, query, 2) == [["a"]]

    def test_invalid_queries_raise(self, store: MemoryStore) -> None:
        """A wrong dimension or shape, NaN, and n = 0."""
        vectors = unit_vectors(store, 1)
        for invalid, n in (
            (vectors[:, 1:], 1),
            (vectors[0], 1),
            (vectors * np.nan, 1),
            (vectors, 0),
        ):
            with pytest.raises(InvalidInputError):
                store.nearest(ADA, TURN, invalid, n)
        assert store.nearest(ADA, TURN, vectors[:0], 3) == []

    def test_agrees_with_a_dict_after_random_changes(self, store: MemoryStore) -> None:
        """Two scopes and two granularities, changed at random, equal a dictionary."""
        ids = st.sampled_from(["a", "b", "c", "d"])
        change = st.tuples(st.sampled_from(["put", "delete"]), st.integers(0, 1), ids)

        @_bounded
        @given(st.lists(change, min_size=1, max_size=6), st.sampled_from([TURN, SESSION]))
        def check(changes: Sequence[tuple[str, int, str]], granularity: Granularity) -> None:
            owners = [Scope("model", f"{next(_fresh)}"), Scope(f"model {next(_fresh)}")]
            model: dict[Scope, dict[str, Vectors]] = {owner: {} for owner in owners}
            for seed, (kind, who, memory_id) in enumerate(changes):
                owner = owners[who]
                if kind == "put":
                    entry = make_entry(store, memory_id, owner, seed=seed, granularity=granularity)
                    store.write(Batch(owner, put=[entry]))
                    model[owner][memory_id] = entry.vector
                else:
                    store.write(Batch(owner, delete=[(granularity, memory_id)]))
                    model[owner].pop(memory_id, None)
                [hits] = store.nearest(owner, granularity, unit_vectors(store, 1), 3)
                vectors = model[owner]
                near = sorted(
                    vectors, key=lambda i: -float(unit_vectors(store, 1)[0] @ vectors[i])
                )[:3]
                assert [hit.id for hit in hits] == near
            for owner in owners:
                assert _ids(store, owner, granularity) == sorted(model[owner])

        check()

    def test_scopes_are_isolated(self, store: MemoryStore) -> None:
        """Equal ids and vectors in two scopes are two memories."""
        vector = unit_vectors(store, 1)
        owners = [ADA, BEN, Scope("ada", "ben"), Scope("ada", "*x"), Scope("adaben")]
        for owner in owners:
            store.write(
                Batch(owner, put=[Entry(make_memory("m", owner, text=str(owner)), vector[0])])
            )
        store.write(Batch(ADA, patch=[make_memory("m", recall_count=9)]))
        store.write(Batch(BEN, delete=[(TURN, "m")]))
        for owner in owners:
            stored = [entry.memory for entry in store.get(owner, TURN, ["m"])]
            assert [memory.text for memory in stored] == ([] if owner == BEN else [str(owner)])
            assert [memory.recall_count for memory in stored] == [9] * (
                owner == ADA
            ) or owner != ADA
            assert list(store.scan(owner, TURN)) == stored
            assert _near(store, vector, 5, owner) == [[memory.id for memory in stored]]

    def test_hostile_names_have_no_meaning(self, store: MemoryStore) -> None:
        """Ids and owners are compared code point by code point."""
        names = [name for name in HOSTILE if len(name) < 500 and name != "*" and name.isprintable()]
        owners = [Scope(name) for name in names] + [Scope("ada", name) for name in names[:3]]
        for owner in owners:
            store.write(Batch(owner, put=[make_entry(store, "m", owner, text=repr(owner))]))
        for owner in owners:
            assert [m.text for m in store.scan(owner, TURN)] == [repr(owner)]
        put = [make_entry(store, name, text=repr(name)) for name in HOSTILE]
        store.write(Batch(ADA, put=put))
        for name in HOSTILE:
            assert [e.memory.text for e in store.get(ADA, TURN, [name])] == [repr(name)]
        store.write(Batch(ADA, delete=[(TURN, "*"), (TURN, '{"$ne": ""}')]))
        assert len(_ids(store)) == len(HOSTILE) - 2

    def test_scopes_lists_all_that_were_written_to(self, store: MemoryStore) -> None:
        """Each once, sorted by name, even if no memory of it is left."""
        for owner in (Scope("ben", "x"), BEN, ADA, Scope("ben", "a"), ADA):
            store.write(Batch(owner, put=[make_entry(store, "m", owner)]))
        store.write(Batch(ADA, delete=[(TURN, "m")]))
        assert store.scopes() == [ADA, BEN, Scope("ben", "a"), Scope("ben", "x")]

    def test_revision_changes_with_every_write(self, store: MemoryStore) -> None:
        """And only then; `write` returns the new revision."""
        seen = [store.revision(ADA)]
        entry = make_entry(store, "m")
        for batch in (
            Batch(ADA, put=[entry]),
            Batch(ADA, put=[entry]),
            Batch(ADA, patch=[entry.memory]),
            Batch(ADA, delete=[(TURN, "m")]),
        ):
            seen.append(store.write(batch))
            assert store.revision(ADA) == seen[-1]
        assert len(set(seen)) == len(seen)
        store.write(Batch(BEN, put=[make_entry(store, "m", BEN)]))
        assert store.write(Batch(ADA)) == seen[-1]
        assert store.revision(ADA) == seen[-1]

    def test_closed_store_raises(self, store: MemoryStore) -> None:
        """Every method raises; closing twice is allowed."""
        _put(store, unit_vectors(store, 1))
        with store as same:
            assert same is store
        store.close()
        uses: list[Callable[[], object]] = [
            lambda: store.write(Batch(ADA, put=[make_entry(store, "m")])),
            lambda: store.get(ADA, TURN, ["m"]),
            lambda: store.scan(ADA, TURN),
            lambda: store.nearest(ADA, TURN, unit_vectors(store, 1), 1),
            lambda: store.scopes(),
            lambda: store.revision(ADA),
        ]
        for use in uses:
            with pytest.raises(ClosedError, match="closed"):
                use()

    def test_times_have_microseconds(self, store: MemoryStore) -> None:
        """They are read back in UTC."""
        moment = SOME_TIME + timedelta(microseconds=1)
        store.write(Batch(ADA, put=[make_entry(store, "m", said_at=moment)]))
        said_at = store.get(ADA, TURN, ["m"])[0].memory.said_at
        assert said_at == moment
        assert said_at.tzinfo is UTC
