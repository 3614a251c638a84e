"""Similar identifiers are rejected or stay different; none means two things."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem import (
    AgentMemError,
    ChromaStore,
    Granularity,
    InvalidScopeError,
    MemoryController,
    MemoryNotFoundError,
    Scope,
    SearchResult,
)
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock
from agentmem_stores import Batch, Entry, Memory
from tests.agentmem.langchain.conftest import WordEmbeddings

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CAFE = "caf\u00e9"
# Every one of these is another name than every other.
NAMES = [
    "ada", "Ada", "ADA", "ada ", " ada", "ad\u0430", "\uff41da", "ada\u200b", "ada\u202e",
    "a\u0131da", CAFE, unicodedata.normalize("NFD", CAFE), "stra\u00dfe", "strasse", "\u212b",
    "\u00c5", "A\u030a", "\ufb01n", "fin", "../x", "../../etc/passwd", "/", "\\", "..", ".",
    "a/b", "a", "b", "%", "_", "a%", "?", "[a]", "**", "'; DROP TABLE collections; --",
    '{"$ne": ""}', '{"$gt": ""}', "$ne", "null", "None", "nan", "0", "00", "-0", "true",
    "<script>", "${user}", "%00", "\\x00", "a@1", "shelf:", "\U0001f600",
    "\U0001f468\u200d\U0001f469", "\u05d0\u05d1", "x" * 511, "x" * 512,
]  # fmt: skip
# No single owner, or none that can be told apart by whoever reads it.
REFUSED: list[Any] = [
    "", " ", "\t", "\n", "\u2003", "*", "a\x00", "\x00", "a\nb", "a\rb", "\x1b[2J", "x" * 513,
    "x" * 10_000, "\ud800", "a\udfff", None, 1.5, True, b"ada", ["ada"], {"$ne": ""}, ("ada",),
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: ascii(name)[:20])
def test_scopes_without_a_single_owner_are_rejected(name: Any) -> None:
    with pytest.raises(InvalidScopeError):
        Scope(name)
    if name is not None:
        with pytest.raises(InvalidScopeError):
            Scope("ada", name)


def same_partition(n: int) -> list[str]:
    """User ids that a store of 32 partitions puts into one partition."""
    wanted = int(Scope("ada").key[:8], 16) % 32
    names = (f"user {i}" for i in range(100_000))
    matches = (name for name in names if int(Scope(name).key[:8], 16) % 32 == wanted)
    return [next(matches) for _ in range(n)]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[MemoryController]:
    with ChromaStore.open(tmp_path / "store", WordEmbeddings.spec) as store:
        clock = ManualClock(START)
        yield MemoryController(store, embeddings=WordEmbeddings(), clock=clock, linger=None)


def test_similar_user_ids_are_different_scopes(tmp_path: Path) -> None:
    names = [*NAMES, *same_partition(8)]
    assert len(set(names)) == len(names)
    scopes = [Scope(name) for name in names]
    scopes += [Scope("ada", name) for name in NAMES[::3]] + [Scope("ad", "a"), Scope("a", "da")]
    assert len({scope.key for scope in scopes}) == len(scopes)
    with ChromaStore.open(tmp_path / "one", WordEmbeddings.spec, partitions=1) as store:
        memory = MemoryController(store, embeddings=WordEmbeddings(), linger=None)
        for n, scope in enumerate(scopes):
            memory.add(f"I am number {n}.", session_id="s", scope=scope)
        assert set(store.scopes()) == set(scopes)
        left = dict(enumerate(scopes))
        for n, scope in enumerate(scopes):
            assert [m.text for m in memory.get_all(scope=scope)] == [f"I am number {n}."]
            hits = memory.search("number", k=50, scope=scope)
            assert [hit.memory.scope for hit in hits] == [scope]
            if n % 3 == 0:
                memory.delete_all(scope=scope)
                del left[n]
        for n, scope in left.items():
            assert [m.text for m in memory.get_all(scope=scope)] == [f"I am number {n}."]
    print(f"{len(scopes)} owners kept apart, {len(REFUSED)} names refused")


def test_similar_memory_ids_are_different_memories(memory: MemoryController) -> None:
    names = [*NAMES, "a\nb", "a\x00b", "a\x00c", "\x00", "*", " "]
    names = [name for name in names if "@" not in name]
    ada, ben = Scope("ada"), Scope("ben")
    for scope in (ada, ben):
        said = [
            {"role": "user", "content": f"I am {n} of {scope}.", "id": name}
            for n, name in enumerate(names)
        ]
        memory.add(said, session_id="s", scope=scope)
    for n, name in enumerate(names):
        assert memory.get(name, scope=ada).text == f"I am {n} of ada."
        memory.delete(name, scope=ada)
        assert len(memory.get_all(scope=ada, limit=None)) == len(names) - n - 1
        assert memory.get(name, scope=ben).text == f"I am {n} of ben."
    for refused in ("", "a@1", "\ud800", 7, None, {"$ne": ""}, "unknown", "ben/ada"):
        with pytest.raises((MemoryNotFoundError, AgentMemError)):
            memory.get(refused, scope=ben)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["a@1", "\ud800", "", 7.5, {"$ne": ""}, ["a"], "x" * 10_000])
def test_invalid_memory_ids_are_rejected(memory: MemoryController, wrong: Any) -> None:
    with pytest.raises(AgentMemError):
        memory.add([{"role": "user", "content": "x", "id": wrong}], scope=Scope("ada"))
    assert memory.get_all(scope=Scope("ada")) == []


def test_similar_session_ids_are_different_sessions(memory: MemoryController) -> None:
    ada = Scope("ada")
    names = [*NAMES[10:40], "x" * 10_000, "a\nb", "a\x00b", "*"]
    for n, name in enumerate(names):
        # Another session than the open one ends that.
        memory.add(f"I am number {n}.", session_id=name, scope=ada)
    for n, name in enumerate(names):
        memories = memory.get_all(session_id=name, scope=ada, limit=None)
        assert {m.text for m in memories if m.granularity is Granularity.TURN} == {
            f"I am number {n}."
        }
        assert all(
            f"number {n}." in m.text for m in memories if m.granularity is Granularity.SESSION
        )
    memory.delete_session(names[0], scope=ada)
    assert memory.stats(scope=ada).sessions == len(names) - 1
    for wrong in ("", " ", "\ud800"):
        with pytest.raises(AgentMemError):
            memory.add("x", session_id=wrong, scope=ada)


def test_similar_namespaces_and_keys_are_different_items(memory: MemoryController) -> None:
    store = AgentMemoryStore(memory, scope=Scope("ada"))
    labels = [name for name in NAMES if name and "." not in name]
    addresses: list[tuple[tuple[str, ...], str]] = [((label,), label) for label in labels]
    addresses += [(("a", "b"), "c"), (("a",), "b/c"), (('a", "b',), "c"), (("a",), '"], "b')]
    for n, (namespace, key) in enumerate(addresses):
        store.put(namespace, key, {"n": n, "text": f"number {n}"})
    for n, (namespace, key) in enumerate(addresses):
        item = store.get(namespace, key)
        assert item is not None
        assert item.value["n"] == n
    assert len(store.search((), limit=1000)) == len(addresses)


def results_of(memory: MemoryController, scope: Scope) -> list[SearchResult]:
    return [
        memory.search(
            question, k=k, scope=scope, granularity=kind, explain=True, hops=hops, reinforce=False
        )
        for question in ("What is my dog called?", "Where do I live now?")
        for k in (1, 20)
        for kind in (Granularity.TURN, Granularity.SESSION, Granularity.SUMMARY)
        for hops in (1, 3)
    ]


def written(recalls: list[SearchResult]) -> list[str]:
    """Everything in a search result, to the last digit."""
    return [
        repr([
            [(h.memory, h.score, h.retention, sorted(h.contributions.items()), h.path) for h in r],
            r.confidence, r.routing, r.asked_at, r.query,
        ])
        for r in recalls
    ]  # fmt: skip


def test_other_scopes_change_no_digit_of_a_search(tmp_path: Path, embeddings: Embeddings) -> None:
    ada, ben = Scope("ada"), Scope("ben")
    clock = ManualClock(START)

    def opened() -> MemoryController:
        store = ChromaStore.open(tmp_path / "store", partitions=1)
        return MemoryController(store, embeddings=embeddings, clock=clock, linger=None)

    with opened() as memory:
        for n in range(8):
            said = ["I adopted a beagle called Biscuit.", f"The cello needs strings {n}.", "Hm?"]
            memory.add([*said, f"I live in house {n} now."], session_id=f"s{n}", scope=ada)
        memory.consolidate(scope=ada)
    with opened() as memory:
        before = written(results_of(memory, ada))
        assert "Biscuit" in before[0]
        # The same words, and so many memories that Chroma's index has to be asked for them.
        for n in range(8):
            texts = ["My dog is called Rex.", "The cello, the cello!", "I live in Rome now."]
            memory.add(texts, session_id=f"s{n}", scope=ben)
        memory.consolidate(scope=ben)
        for recall in results_of(memory, ben)[:4]:
            memory.feedback(recall, cited=[hit.memory.id for hit in recall[:1]], scope=ben)
        memory.add_plan("What is my dog called?", ["Ask."], "success", scope=ben)
        vectors = np.random.default_rng(0).normal(size=(2100, 384)).astype(np.float32)
        vectors[:200] = memory.services.embedder.query("What is my dog called?")
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        put = [
            Entry(Memory(f"b{n}", ben, Granularity.TURN, "dog cello live", "b", START, START), v)
            for n, v in enumerate(vectors)
        ]
        memory.services.memories.write(Batch(ben, put=put))
        assert written(results_of(memory, ada)) == before
    with opened() as memory:
        assert written(results_of(memory, ada)) == before
        memory.delete_all(scope=ben)
        assert written(results_of(memory, ada)) == before
    print(f"{len(before)} searches, {sum(map(len, before))} characters compared three times")
