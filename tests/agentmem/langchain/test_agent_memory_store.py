"""What the LangGraph store does beyond LangGraph's own: memories, owners, exact values, time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langgraph.store.base import InvalidNamespaceError, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore as LangGraphStore

from agentmem import Granularity, InvalidInputError, InvalidScopeError, MemoryController, Scope
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock
from tests.agentmem.langchain.conftest import Open, WordEmbeddings, new_memory

ADA, BEN = Scope("ada"), Scope("ben")
NS = ("notes", "home")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture
def memory(open_memory: Open) -> MemoryController:
    return open_memory(scope=ADA)


@pytest.fixture
def store(memory: MemoryController) -> AgentMemoryStore:
    return AgentMemoryStore(memory)


def keys(items: Any) -> list[str]:
    return [item.key for item in items]


class TestValues:
    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(value=st.dictionaries(st.text(), JSON, max_size=4), key=st.text())
    def test_round_trip_exactly(self, value: dict[str, Any], key: str) -> None:
        with new_memory(ManualClock(), scope=ADA) as memory:
            store = AgentMemoryStore(memory)
            store.put(NS, key, value)
            item = store.get(NS, key)
            assert item is not None
            # By their representation, because a NaN does not equal itself.
            assert repr(item.value) == repr(value)

    def test_returned_values_are_copies(self, store: AgentMemoryStore) -> None:
        store.put(NS, "k", {"list": [1]})
        for item in (store.get(NS, "k"), store.search(NS)[0]):
            assert item is not None
            item.value["list"].append(2)
        assert store.search(NS)[0].value == {"list": [1]}

    @pytest.mark.parametrize("value", [{"x": (1, 2)}, {"x": {1: 2}}, {"x": b""}, {"x": {1, 2}}])
    def test_json_would_change_are_rejected(self, store: AgentMemoryStore, value: Any) -> None:
        with pytest.raises(InvalidInputError, match="'x'"):
            store.put(NS, "k", value)
        assert store.get(NS, "k") is None

    def test_persist_across_controllers(self, tmp_path: Path) -> None:
        options: dict[str, Any] = {"scope": ADA, "embeddings": WordEmbeddings()}
        with MemoryController.open(tmp_path / "m", **options) as memory:
            AgentMemoryStore(memory).put(NS, "k", {"text": "green tea"})
        with MemoryController.open(tmp_path / "m", **options) as memory:
            [item] = AgentMemoryStore(memory).search(("notes",), query="tea")
            assert item.value == {"text": "green tea"}


class TestKeys:
    def test_keep_position_and_created_at_when_put_again(
        self, store: AgentMemoryStore, clock: ManualClock
    ) -> None:
        began = clock()
        for key in ("b", "a", "c", "b"):
            store.put(NS, key, {"at": key})
            clock.advance(minutes=1)
        assert keys(store.search(NS)) == ["b", "a", "c"]
        item = store.get(NS, "b")
        assert item is not None
        assert (item.created_at, item.updated_at) == (began, clock.advance(minutes=-1))

    def test_two_items_with_the_same_text_in_one_batch(self, store: AgentMemoryStore) -> None:
        store.batch([PutOp(NS, "one", {"text": "tea"}), PutOp(NS, "two", {"text": "tea"})])
        assert keys(store.search(NS, query="tea")) == ["one", "two"]

    def test_similar_namespaces_stay_separate(self, store: AgentMemoryStore) -> None:
        store.put(("a", "b"), "c", {"n": 1})
        store.put(("a",), 'b"], "c', {"n": 2})
        store.put(("a", "b/c"), "", {"n": 3})
        assert [item.value["n"] for item in store.search(("a",))] == [1, 2, 3]
        store.delete(("a", "b"), "c")
        assert [item.value["n"] for item in store.search(("a",))] == [2, 3]

    @pytest.mark.parametrize("namespace", [("a.b",), ("",), ("a", "x\x00y"), (1,)])
    def test_invalid_namespaces_are_rejected(self, store: AgentMemoryStore, namespace: Any) -> None:
        with pytest.raises(InvalidNamespaceError):
            store.batch([PutOp(namespace, "k", {})])
        with pytest.raises(InvalidNamespaceError):
            store.search(namespace)


class TestFilters:
    @pytest.fixture(autouse=True)
    def some_items(self, store: AgentMemoryStore) -> None:
        store.put(NS, "old", {"n": 1, "on": "2024-05-01", "who": {"name": "Ada", "age": 36}})
        store.put(NS, "new", {"n": 2.5, "on": "2025-05-01", "tags": ["x", "y"]})
        store.put(NS, "odd", {"n": None, "on": 7})

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ({"n": {"$gt": 1}}, ["new"]),
            ({"n": {"$gte": 1, "$lt": 2}}, ["old"]),
            ({"n": {"$ne": 1}}, ["new", "odd"]),
            ({"n": None}, ["odd"]),
            ({"on": {"$gte": "2025-01-01"}}, ["new"]),
            ({"who": {"name": "Ada"}}, ["old"]),
            ({"who": {"age": {"$lt": 40}}}, ["old"]),
            ({"tags": ["x", "y"]}, ["new"]),
            ({"missing": {"$lte": 1}}, []),
        ],
    )
    def test_select_items(self, store: AgentMemoryStore, wanted: Any, expected: list[str]) -> None:
        assert keys(store.search(NS, filter=wanted)) == expected

    @pytest.mark.parametrize("wanted", [{"n": {"$regex": "1"}}, {"a": {"b": {"$or": []}}}])
    def test_unknown_operators_are_rejected(self, store: AgentMemoryStore, wanted: Any) -> None:
        with pytest.raises(InvalidInputError, match=r"\$"):
            store.search(("nothing", "here"), filter=wanted)

    def test_negative_limits_are_rejected(self, store: AgentMemoryStore) -> None:
        with pytest.raises(InvalidInputError, match="must be >= 0"):
            store.search(NS, limit=-1)


class TestSemanticSearch:
    @pytest.fixture
    def memory(self, open_memory: Open, embeddings: Embeddings) -> MemoryController:
        return open_memory(scope=ADA, embeddings=embeddings)

    def test_controller_finds_items(
        self, memory: MemoryController, store: AgentMemoryStore
    ) -> None:
        store.put(NS, "pet", {"content": "Ada has a beagle called Biscuit"})
        store.put(NS, "home", {"content": "Ada lives in Lisbon"})
        memory.add("The weather is grey today.", session_id="s")
        hit = memory.search("What is the dog's name?", k=1)[0]
        assert hit.memory.text == "Ada has a beagle called Biscuit"
        assert memory.as_retriever(k=1).invoke("dog")[0].metadata["item"]["key"] == "pet"

    def test_each_indexed_field_is_found_separately(self, store: AgentMemoryStore) -> None:
        chapters = [{"about": "keeping bees"}, {"about": "repairing bicycles"}]
        store.put(
            NS, "book", {"title": "Hobbies", "chapters": chapters}, index=["chapters[*].about"]
        )
        store.put(NS, "memo", {"text": "buy milk"})
        hits = store.search(NS, query="how do I mend my bike?")
        assert keys(hits) == ["book", "memo"]
        assert keys(store.search(NS, query="honey")) == ["book", "memo"]

    def test_unindexed_items_are_not_found_by_queries(
        self, memory: MemoryController, store: AgentMemoryStore
    ) -> None:
        store.put(NS, "open", {"text": "The cat sleeps"})
        store.put(NS, "secret", {"text": "The password is hunter2"}, index=False)
        assert [(i.key, i.score) for i in store.search(NS, query="password")][1] == ("secret", None)
        texts = [h.memory.text for h in memory.search("password", k=9, include_archived=True)]
        assert texts == ["The cat sleeps"]
        store.put(NS, "secret", {"text": "The password is hunter2"})
        assert memory.search("password", k=1)[0].memory.text == "The password is hunter2"
        store.put(NS, "secret", {"text": "The password is hunter2"}, index=False)
        assert len(memory.search("password", k=9)) == 1


class TestItemsAmongMemories:
    def test_are_never_summarized(self, memory: MemoryController, store: AgentMemoryStore) -> None:
        memory.add("Hello.", session_id="s")
        store.put(NS, "k", {"text": "tea"})
        memory.add("Still here.", session_id="s")
        memory.consolidate()
        assert not memory.get_all(granularity=Granularity.SUMMARY)
        memory.end_session("s")
        assert {m.session_id for m in memory.get_all(granularity=Granularity.SUMMARY)} == {"s"}
        assert memory.stats().sessions == 1
        with pytest.raises(InvalidInputError, match="not a conversation"):
            memory.end_session('shelf:[["notes", "home"], "k"]')
        hits = memory.search("tea", granularity=Granularity.SESSION)
        assert [hit.memory.session_id for hit in hits] == ["s"]

    def test_are_deleted_completely(
        self, memory: MemoryController, store: AgentMemoryStore
    ) -> None:
        store.put(NS, "k", {"text": "green tea", "more": ["tea", "milk"]}, index=["more[*]"])
        store.put(NS, "l", {"text": "green tea"})
        [record] = memory.get_all(session_id='shelf:[["notes", "home"], "l"]')
        memory.update(record.id, text="black tea")
        store.put(NS, "k", {"text": "coffee"})
        store.delete(NS, "l")
        assert [m.text for m in memory.get_all()] == ["coffee"]
        assert memory.stats().versions == 0
        assert memory.check().ok

    def test_survive_export_and_import(
        self, memory: MemoryController, store: AgentMemoryStore, tmp_path: Path
    ) -> None:
        store.put(NS, "k", {"text": "tea", "n": [1, None]}, ttl=9)
        memory.export(tmp_path / "out.jsonl")
        memory.import_(tmp_path / "out.jsonl", scope=BEN)
        item = AgentMemoryStore(memory, scope=BEN).get(NS, "k")
        assert item is not None
        assert item.value == {"text": "tea", "n": [1, None]}

    def test_fade_from_searches_only(
        self, memory: MemoryController, store: AgentMemoryStore, clock: ManualClock
    ) -> None:
        store.put(NS, "k", {"text": "tea"})
        clock.advance(days=5000)
        assert memory.sweep().archived
        assert memory.search("tea")[0].archived
        assert store.get(NS, "k") is not None
        assert keys(store.search(NS, query="tea")) == ["k"]


class TestTimeToLive:
    def test_hides_expired_items_from_every_search(
        self, memory: MemoryController, store: AgentMemoryStore, clock: ManualClock
    ) -> None:
        store.put(NS, "k", {"text": "tea"}, ttl=10)
        clock.advance(minutes=9.9)
        assert memory.search("tea")
        clock.advance(minutes=0.2)
        assert not memory.search("tea")
        assert store.get(NS, "k") is None
        assert memory.get_all() == []

    def test_sweep_deletes_expired_items(
        self, memory: MemoryController, store: AgentMemoryStore, clock: ManualClock
    ) -> None:
        store.put(NS, "k", {"text": "tea"}, ttl=10)
        clock.advance(minutes=10)
        assert memory.sweep().archived == ()
        assert memory.get_all() == []

    def test_restarts_with_every_read(self, store: AgentMemoryStore, clock: ManualClock) -> None:
        store.put(NS, "k", {"text": "tea", "l": ["a", "b"]}, ttl=10, index=["l[*]"])
        for _ in range(3):
            clock.advance(minutes=9)
            assert store.get(NS, "k")
        clock.advance(minutes=9)
        assert store.get(NS, "k", refresh_ttl=False)
        clock.advance(minutes=1)
        assert store.sweep_ttl() == 1

    def test_uses_the_default(self, memory: MemoryController, clock: ManualClock) -> None:
        store = AgentMemoryStore(memory, ttl={"default_ttl": 5, "refresh_on_read": False})
        store.put(NS, "brief", {})
        store.put(NS, "kept", {}, ttl=None)
        clock.advance(minutes=4)
        assert store.get(NS, "brief")
        clock.advance(minutes=1)
        assert keys(store.search(NS)) == ["kept"]

    @pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf")])
    def test_must_be_positive_and_finite(self, store: AgentMemoryStore, ttl: float) -> None:
        with pytest.raises(InvalidInputError, match="ttl"):
            store.put(NS, "k", {}, ttl=ttl)


class TestOwners:
    def test_two_owners_share_nothing(self, open_memory: Open) -> None:
        memory = open_memory()
        ada, ben = (AgentMemoryStore(memory, scope=scope) for scope in (ADA, BEN))
        ada.put(NS, "k", {"text": "tea"})
        assert ben.get(NS, "k") is None
        assert ben.search((), query="tea") == []
        assert ben.list_namespaces() == []
        ben.delete(NS, "k")
        assert ada.get(NS, "k")

    def test_namespace_label_can_name_the_owner(self, open_memory: Open) -> None:
        memory = open_memory()
        store = AgentMemoryStore(memory, owner_label=1)
        store.put(("memories", "ada"), "k", {"text": "tea"})
        store.put(("memories", "ben"), "k", {"text": "tea"})
        assert len(memory.search("tea", scope=ADA, k=9)) == 1
        assert store.list_namespaces(prefix=("memories", "ben")) == [("memories", "ben")]

    @pytest.mark.parametrize(
        "call",
        [
            lambda store: store.search(("memories",)),
            lambda store: store.search(("memories", "*")),
            lambda store: store.get((), "k"),
            lambda store: store.put(("memories",), "k", {}),
            lambda store: store.put(("memories", "*"), "k", {}),
            lambda store: store.put(("memories", "\n"), "k", {}),
            lambda store: store.list_namespaces(),
            lambda store: store.list_namespaces(prefix=("memories", "*")),
            lambda store: store.list_namespaces(suffix=("memories", "ada")),
            lambda store: store.sweep_ttl(),
        ],
    )
    def test_missing_label_is_an_error(
        self, open_memory: Open, call: Callable[[AgentMemoryStore], Any]
    ) -> None:
        store = AgentMemoryStore(open_memory(scope=ADA), owner_label=1)
        with pytest.raises(InvalidScopeError):
            call(store)

    def test_missing_owner_is_an_error(self, open_memory: Open) -> None:
        with pytest.raises(InvalidScopeError):
            AgentMemoryStore(open_memory()).put(NS, "k", {})


def test_async_methods_match_the_synchronous_ones(store: AgentMemoryStore) -> None:
    async def story() -> None:
        await asyncio.gather(*(store.aput(NS, str(n), {"text": f"tea {n}"}) for n in range(20)))
        assert len(await store.asearch(NS, query="tea", limit=99)) == 20
        await store.adelete(NS, "7")
        assert await store.aget(NS, "7") is None
        assert await store.alist_namespaces(max_depth=1) == [("notes",)]

    asyncio.run(story())


def test_batch_reads_before_it_writes(store: AgentMemoryStore) -> None:
    put, search = PutOp(NS, "k", {"n": 1}), SearchOp(NS)
    assert store.batch([put, search]) == LangGraphStore().batch([put, search]) == [None, []]
