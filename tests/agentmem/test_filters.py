"""Filters of searches, recalls and listings, compared with a plain loop over all memories."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings

from agentmem import (
    ChromaStore,
    Form,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    Memory,
    MemoryController,
    MemoryStore,
    NaiveDatetimeError,
    Scope,
)
from agentmem.embedding.embedder import Embedder
from agentmem.langchain import create_recall_memory_tool, create_search_memory_tool
from agentmem.testing import ManualClock
from agentmem_stores.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, matches, parse_filter
from tests.agentmem.langchain.conftest import WordEmbeddings

ADA, BEN = Scope("ada"), Scope("ben")
WORDS = ["tea", "mate", "beagle", "Lisbon", "Porto", "rain", "violin", "bread"]
N = 40
SPEC = Embedder(WordEmbeddings()).spec

SCALARS = st.sampled_from([None, True, 0, 1, 2, 2.5, "x", "y", "2", "2026-01-05"])
PATHS = st.sampled_from(["project", "stars", "nested.level", "nested", "tags", "dotted.key", "no"])
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), SCALARS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=3)),
)
FIELDS = st.one_of(
    SCALARS,
    st.just(["x", "y"]),
    st.just({"level": 1}),
    st.lists(COMPARISONS, min_size=1, max_size=2).map(dict),
    COMPARISONS.map(lambda c: {"$not": dict([c])}),
)
FLAT = st.dictionaries(PATHS, FIELDS, min_size=1, max_size=2)
FILTERS = st.recursive(
    FLAT,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"$and": parts}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"$or": parts}),
        inner.map(lambda part: {"$not": part}),
    ),
    max_leaves=4,
)


def random_metadata(rng: random.Random) -> dict[str, Any]:
    values: list[Any] = [None, True, 0, 1, 2, 2.5, "x", "y", "2", "2026-01-05", "2026-02-01"]
    metadata: dict[str, Any] = {}
    for key in ("project", "stars", "dotted.key"):
        if rng.random() < 0.7:
            metadata[key] = rng.choice(values)
    if rng.random() < 0.5:
        metadata["nested"] = rng.choice([{"level": rng.choice(values)}, {}, 3])
    if rng.random() < 0.3:
        metadata["tags"] = rng.choice([["x", "y"], ["x"], []])
    return metadata


def fill(memory: MemoryController, clock: ManualClock) -> None:
    """Write many memories of two owners, replace some and delete some."""
    rng = random.Random(7)
    for owner in (ADA, BEN):
        for n in range(N):
            message = {
                "role": rng.choice(["user", "assistant", "tool"]),
                "speaker": rng.choice([None, "Ada", "Bob"]),
                "content": f"{n} {' '.join(rng.choices(WORDS, k=4))} of {owner}",
                "metadata": random_metadata(rng),
                "id": f"{owner}-{n}",
            }
            memory.add([message], session_id=f"s{n % 5}", scope=owner)
            clock.advance(minutes=1)
        for n in range(0, N, 9):
            memory.delete(f"{owner}-{n}", scope=owner)
        for n in (n for n in range(1, N, 11) if n % 9):
            memory.update(f"{owner}-{n}", text=f"{n} another text of {owner}", scope=owner)


@pytest.fixture(scope="module", params=["in memory", "chroma", "reopened"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MemoryController, ManualClock]]:
    clock, embeddings = ManualClock(), WordEmbeddings()
    folder: Path = tmp_path_factory.mktemp("filters")

    def open_(store: MemoryStore) -> MemoryController:
        return MemoryController(
            store, scope=ADA, embeddings=embeddings, clock=clock, linger=None, sweep=False
        )

    store: MemoryStore
    if request.param == "in memory":
        store = InMemoryStore(SPEC)
    else:
        store = ChromaStore.open(folder / "store", SPEC)
    memory = open_(store)
    fill(memory, clock)
    if request.param == "reopened":
        memory.close()
        memory = open_(ChromaStore.open(folder / "store", SPEC))
    yield memory, clock
    memory.close()


def loop(memory: MemoryController, **restrictions: Any) -> list[Memory]:
    """Return what a plain loop over the current turns finds."""
    condition = parse_filter(restrictions.pop("filter", None))
    since, until = restrictions.pop("since", None), restrictions.pop("until", None)
    return [
        turn
        for turn in memory.services.store.scan(ADA, Granularity.TURN)
        if turn.version_of is None
        and all(getattr(turn, name) == value for name, value in restrictions.items())
        and (since is None or turn.said_at >= since)
        and (until is None or turn.said_at < until)
        and matches(condition, turn.metadata)
    ]


def ids_of_hits(memory: MemoryController, **restrictions: Any) -> set[str]:
    hits = memory.search("tea in Lisbon", k=2 * N, reinforce=False, **restrictions)
    return {i for hit in hits for i in (hit.memory.id, *hit.duplicates)}


class TestAgainstALoop:
    @settings(
        max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(wanted=FILTERS)
    def test_metadata(
        self, filled: tuple[MemoryController, ManualClock], wanted: dict[str, Any]
    ) -> None:
        memory, _ = filled
        expected = {turn.id for turn in loop(memory, filter=wanted)}
        assert ids_of_hits(memory, filter=wanted) == expected
        listed = memory.get_all(granularity=Granularity.TURN, filter=wanted, limit=None)
        assert {turn.id for turn in listed} == expected

    @pytest.mark.parametrize(
        "wanted",
        [
            {"session_id": "s2"},
            {"session_id": "none"},
            {"role": "assistant"},
            {"speaker": "Bob"},
            {"role": "user", "speaker": "Ada", "filter": {"stars": {"$gte": 1}}},
        ],
    )
    def test_fields(
        self, filled: tuple[MemoryController, ManualClock], wanted: dict[str, Any]
    ) -> None:
        memory, _ = filled
        assert ids_of_hits(memory, **wanted) == {turn.id for turn in loop(memory, **wanted)}

    def test_times(self, filled: tuple[MemoryController, ManualClock]) -> None:
        memory, clock = filled
        start = clock() - timedelta(minutes=2 * N)
        wanted = {"since": start + timedelta(minutes=9), "until": start + timedelta(minutes=31)}
        expected = {turn.id for turn in loop(memory, **wanted)}
        assert expected
        assert ids_of_hits(memory, **wanted) == expected

    def test_no_filter_reaches_another_owner(
        self, filled: tuple[MemoryController, ManualClock]
    ) -> None:
        memory, _ = filled
        for wanted in ({"$not": {"no": 1}}, {"scope": "ben"}, {"user_id": {"$ne": ""}}):
            assert all(i.startswith("ada") for i in ids_of_hits(memory, filter=wanted))
            for turn in memory.get_all(filter=wanted, limit=None):
                assert turn.scope == ADA
            context = memory.recall("tea", filter=wanted, reinforce=False)
            assert "of ben" not in context.text


class TestRecall:
    def test_only_passing_hits_are_shown(
        self, filled: tuple[MemoryController, ManualClock]
    ) -> None:
        memory, _ = filled
        wanted: dict[str, Any] = {"role": "user", "filter": {"project": {"$in": ["x", 1]}}}
        allowed = {turn.id for turn in loop(memory, **wanted)}
        assert allowed
        for query in ("tea in Lisbon", "Summarize everything about tea."):
            context = memory.recall(query, max_tokens=3000, reinforce=False, **wanted)
            assert context.items
            for item in context.items:
                assert set(item.turn_ids) <= allowed
                # Of a passage, the sentences of allowed turns are shown.
                if item.form in (Form.SUMMARY, Form.DAY, Form.TOPIC):
                    assert set(item.memory.sources) <= allowed

    @pytest.mark.parametrize(
        ("granularity", "forms"),
        [
            (Granularity.TURN, {Form.TURN, Form.EXCERPT}),
            (Granularity.SESSION, {Form.PASSAGE}),
            ("summary", {Form.SUMMARY}),
        ],
    )
    @pytest.mark.parametrize("query", ["tea in Lisbon", "Summarize everything about tea."])
    def test_of_one_granularity(
        self,
        filled: tuple[MemoryController, ManualClock],
        granularity: Any,
        forms: set[Form],
        query: str,
    ) -> None:
        memory, _ = filled
        context = memory.recall(query, granularity=granularity, max_tokens=2000, reinforce=False)
        assert context.items
        assert {item.form for item in context.items} <= forms
        assert {item.memory.granularity for item in context.items} == {Granularity(granularity)}

    def test_of_facts(self, embeddings: Embeddings) -> None:
        with MemoryController(
            InMemoryStore(), scope=ADA, embeddings=embeddings, linger=None
        ) as memory:
            memory.add("I live in Lisbon.", session_id="s1")
            memory.end_session("s1")
            forms = {
                granularity: {
                    item.form
                    for item in memory.recall(
                        "Where do I live?", granularity=granularity, reinforce=False
                    ).items
                }
                for granularity in (Granularity.FACT, Granularity.TURN)
            }
        assert forms == {Granularity.FACT: {Form.FACT}, Granularity.TURN: {Form.TURN}}

    def test_a_granularity_that_no_context_shows(
        self, filled: tuple[MemoryController, ManualClock]
    ) -> None:
        memory, _ = filled
        for granularity in ("keywords", "plan", "nothing"):
            with pytest.raises(InvalidInputError, match="one of turn, session"):
                memory.recall("tea", granularity=granularity)  # type: ignore[arg-type]

    def test_min_confidence(self, filled: tuple[MemoryController, ManualClock]) -> None:
        memory, _ = filled
        result = memory.search("tea", reinforce=False)
        assert not memory.search("tea", min_confidence=1.0, reinforce=False)
        again = memory.search("tea", min_confidence=result.confidence, reinforce=False)
        assert len(again) == len(result)
        assert not memory.recall("tea", min_confidence=1.0, reinforce=False).items


class TestDerivedMemories:
    @pytest.mark.parametrize(
        "granularity", [Granularity.SUMMARY, Granularity.SESSION, Granularity.KEYWORDS]
    )
    def test_of_one_session(
        self, filled: tuple[MemoryController, ManualClock], granularity: Granularity
    ) -> None:
        memory, _ = filled
        hits = memory.search("tea", granularity=granularity, session_id="s1", reinforce=False)
        assert {hit.memory.session_id for hit in hits} == {"s1"}


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"a": 1}
    for _ in range(depth):
        inner = {"$not": inner}
    return inner


def containing_itself() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["$not"] = loop
    return loop


class TestRefused:
    @pytest.mark.parametrize(
        ("hostile", "message"),
        [
            ({"$where": "sleep(1000)"}, r"\$where"),
            ({"a": {"$regex": "(a+)+$"}}, r"\$regex"),
            ({"a": {"$gt": 1, "b": 2}}, "unknown operator 'b'"),
            ({"$or": []}, "non-empty list"),
            ({"$and": [{}]}, "non-empty dict"),
            ({"a": {"$in": "xyz"}}, "list of values"),
            ({"a": {"$not": 3}}, "dict of operators"),
            ({"a": float("nan")}, "finite"),
            ({"a": {"$lt": float("inf")}}, "finite"),
            ({"a": object()}, "finite numbers"),
            ({"a": b"bytes"}, "finite numbers"),
            ({"a": "\ud800"}, "finite numbers"),
            ({1: "a"}, "keys are names"),
            ({"": "a"}, "keys are names"),
            ([("a", 1)], "dict"),
            ("a = 1", "dict"),
            (nested(MAX_DEPTH), "nested deeper"),
            (containing_itself(), "nested deeper"),
            ({"$or": [{"a": n} for n in range(MAX_CONDITIONS + 1)]}, "more than 256 conditions"),
            ({"a": {"$in": list(range(MAX_VALUES + 1))}}, "at most 1000"),
            ({"a": "x" * 10_001}, "at most 10000 characters"),
        ],
    )
    def test_filter(self, hostile: Any, message: str) -> None:
        memory = MemoryController(InMemoryStore(SPEC), scope=ADA,
                                  embeddings=WordEmbeddings())  # fmt: skip
        for verb in (memory.search, memory.recall):
            with pytest.raises(InvalidInputError, match=message):
                verb("tea", filter=hostile)
        with pytest.raises(InvalidInputError, match=message):
            memory.get_all(filter=hostile)
        memory.close()

    def test_naive_times(self, filled: tuple[MemoryController, ManualClock]) -> None:
        memory, clock = filled
        with pytest.raises(NaiveDatetimeError, match="since"):
            memory.search("tea", since=clock().replace(tzinfo=None))


class TestRetriever:
    def test_passes_filters(self, filled: tuple[MemoryController, ManualClock]) -> None:
        memory, _ = filled
        retriever = memory.as_retriever(k=3, role="tool", reinforce=False)
        documents = retriever.invoke("tea", filter={"stars": {"$ne": None}})
        assert documents
        assert {document.metadata["role"] for document in documents} == {"tool"}
        assert all(document.metadata["stars"] is not None for document in documents)


class TestTools:
    def test_search_and_recall_pass_filters(
        self, filled: tuple[MemoryController, ManualClock]
    ) -> None:
        memory, _ = filled
        wanted = {"role": "tool", "filter": {"stars": {"$ne": None}}}
        allowed = {turn.id for turn in loop(memory, **wanted)}
        search = create_search_memory_tool(memory)
        hits = json.loads(search.invoke({"query": "tea", "limit": 100, **wanted}))
        assert {hit["id"] for hit in hits} <= allowed
        assert hits
        sure = json.loads(search.invoke({"query": "tea", "min_confidence": 1.0}))
        assert sure == []
        [first, *_] = json.loads(search.invoke({"query": "tea", "granularity": "summary"}))
        assert memory.get(first["id"]).granularity is Granularity.SUMMARY
        recall = create_recall_memory_tool(memory, max_tokens=2000)
        context = recall.invoke({"query": "tea", **wanted})
        texts = [memory.get(i).text for i in allowed]
        assert context.count("[m") == sum(text in context for text in texts) > 0
        summaries = recall.invoke({"query": "tea", "granularity": "summary"})
        assert "[m" in summaries
        assert recall.invoke({"query": "tea", "min_confidence": 1.0}).startswith("nothing")
        for tool in (search, recall):
            refused = tool.invoke({"query": "tea", "filter": {"$where": "sleep(1000)"}})
            assert "$where" in refused


class TestPages:
    def new_memory(self) -> tuple[MemoryController, ManualClock]:
        clock = ManualClock()
        memory = MemoryController(
            InMemoryStore(SPEC),
            scope=ADA,
            embeddings=WordEmbeddings(),
            clock=clock,
            linger=None,
        )
        return memory, clock

    def test_offset(self) -> None:
        memory, _ = self.new_memory()
        with memory:
            memory.add([f"message {n}" for n in range(7)])
            everything = [m.text for m in memory.get_all(limit=None)]
            assert everything == [f"message {n}" for n in range(7)]
            assert [m.text for m in memory.get_all(limit=3, offset=2)] == everything[2:5]
            assert memory.get_all(limit=3, offset=7) == []

    def test_pages_are_stable_under_writes_and_deletions(self) -> None:
        memory, clock = self.new_memory()
        with memory:
            for n in range(20):
                # Some at the very same time.
                clock.advance(minutes=n % 2)
                memory.add(f"message {n}", session_id="s")
            wanted = {f"message {n}" for n in range(20)}
            page = memory.get_all(limit=4, granularity=Granularity.TURN)
            seen = [m.text for m in page]
            deleted: set[str] = set()
            while page.next_cursor is not None:
                memory.add(f"new {len(seen)}", session_id="s")
                # The memory that the cursor stands for goes, and one of the next page too.
                memory.delete(page[0].id)
                victims = [m for m in memory.get_all(limit=None, session_id="s")
                           if m.text in wanted - set(seen)]  # fmt: skip
                deleted.add(victims[-1].text)
                memory.delete(victims[-1].id)
                page = memory.get_all(
                    limit=4, cursor=page.next_cursor, granularity=Granularity.TURN
                )
                seen += [m.text for m in page]
            assert len(seen) == len(set(seen))
            assert wanted - deleted <= set(seen)
            assert set(seen) <= wanted

    @pytest.mark.parametrize("cursor", ["x", "e30", "W10", "bnVsbA", "WyJhIiwxLDIsMyw0XQ", "é"])
    def test_an_unknown_cursor_is_refused(self, cursor: str) -> None:
        memory, _ = self.new_memory()
        with memory, pytest.raises(InvalidInputError, match="next_cursor"):
            memory.get_all(cursor=cursor)
