"""The store behaves like LangGraph's `InMemoryStore` under random operations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from langgraph.store.base import GetOp, Op, PutOp, SearchItem, SearchOp
from langgraph.store.memory import InMemoryStore

from agentmem import Scope
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock
from tests.agentmem.langchain.conftest import WordEmbeddings, new_memory

Address = tuple[tuple[str, ...], str]

LABELS = st.sampled_from(["a", "ü*"])
NAMESPACES = st.lists(LABELS, min_size=1, max_size=2).map(tuple)
PREFIXES = st.lists(LABELS, max_size=2).map(tuple)
PATHS = st.none() | st.lists(LABELS | st.just("*"), min_size=1, max_size=2).map(tuple)
KEYS = st.sampled_from(["k", ""])
WORDS = st.sampled_from(["tea", "green tea", "beagle", "a beagle called biscuit", "lisbon"])
VALUES = st.fixed_dictionaries(
    {"text": WORDS, "n": st.integers(-2, 2), "more": st.lists(WORDS, max_size=2)}
)
INDEX = st.sampled_from([None, False, ["text"], ["more[*]"], ["text", "more[*]"]])
TTLS = st.sampled_from([None, 5.0, 8.0])
OPERATORS = st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"])
FILTERS = (
    st.none()
    | st.fixed_dictionaries({"n": st.dictionaries(OPERATORS, st.integers(-2, 2), min_size=1)})
    | st.fixed_dictionaries({"text": WORDS})
    | st.fixed_dictionaries({"more": st.lists(WORDS, max_size=2)})
)
ALL = 1_000


class FixedStore(InMemoryStore):
    """LangGraph's store, fixed for a text that occurs twice in a batch."""

    def _insertinmem_store(self, to_embed: Any, embeddings: list[list[float]]) -> None:
        for vector, places in zip(embeddings, to_embed.values(), strict=True):
            for namespace, key, path in places:
                self._vectors[namespace][key][path] = vector


class Model:
    """LangGraph's store with a time to live, and without its known bugs."""

    def __init__(self) -> None:
        index: Any = {"dims": 64, "embed": WordEmbeddings(), "fields": ["text"]}
        self.store = FixedStore(index=index)
        self.times: dict[Address, tuple[timedelta, timedelta]] = {}
        self.now = timedelta()

    def put(self, address: Address, value: Any, index: Any, ttl: float | None) -> None:
        # It keeps the vectors of the value that was there before.
        self.delete(address)
        self.store.put(*address, value, index=index)
        if ttl is not None:
            lasts = timedelta(minutes=ttl)
            self.times[address] = (lasts, self.now + lasts)

    def delete(self, address: Address) -> None:
        self.store.delete(*address)
        self.times.pop(address, None)
        # It goes on listing namespaces that hold nothing any more.
        for namespace in [n for n, items in self.store._data.items() if not items]:
            del self.store._data[namespace]

    def touch(self, addresses: list[Address]) -> None:
        for address in addresses:
            if address in self.times:
                lasts, _ = self.times[address]
                self.times[address] = (lasts, self.now + lasts)

    def advance(self, by: timedelta) -> None:
        self.now += by
        for address, (_, until) in list(self.times.items()):
            if until <= self.now:
                self.delete(address)


def address_of(item: Any) -> Address:
    return item.namespace, item.key


def by_address(items: list[SearchItem]) -> dict[Address, tuple[Any, Any]]:
    return {
        address_of(item): (item.value, item.score and pytest.approx(item.score, abs=2e-3))
        for item in items
    }


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.clock = ManualClock()
        self.memory = new_memory(self.clock, scope=Scope("ada"))
        self.store = AgentMemoryStore(self.memory, fields=["text"])
        self.model = Model()

    def teardown(self) -> None:
        assert self.memory.check().ok
        self.memory.close()

    @rule(namespace=NAMESPACES, key=KEYS, value=VALUES, index=INDEX, ttl=TTLS)
    def put(self, namespace: Any, key: str, value: Any, index: Any, ttl: float | None) -> None:
        self.store.put(namespace, key, value, index=index, ttl=ttl)
        self.model.put((namespace, key), value, index, ttl)

    @rule(namespace=NAMESPACES, key=KEYS, refresh=st.booleans())
    def get(self, namespace: Any, key: str, refresh: bool) -> None:
        ours = self.store.get(namespace, key, refresh_ttl=refresh)
        theirs = self.model.store.get(namespace, key)
        assert (ours and ours.value) == (theirs and theirs.value)
        if theirs is not None and refresh:
            self.model.touch([address_of(theirs)])

    @rule(namespace=NAMESPACES, key=KEYS)
    def delete(self, namespace: Any, key: str) -> None:
        self.store.delete(namespace, key)
        self.model.delete((namespace, key))

    @rule(minutes=st.sampled_from([1, 4]))
    def wait(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        self.model.advance(timedelta(minutes=minutes))

    @rule(
        prefix=PREFIXES,
        query=st.none() | st.just("") | WORDS,
        wanted=FILTERS,
        limit=st.integers(0, 4),
        offset=st.integers(0, 3),
        refresh=st.booleans(),
    )
    def search(
        self, prefix: Any, query: str | None, wanted: Any, limit: int, offset: int, refresh: bool
    ) -> None:
        given: dict[str, Any] = {"query": query, "filter": wanted}
        theirs = self.model.store.search(prefix, **given, limit=ALL)
        ours = self.store.search(prefix, **given, limit=ALL, refresh_ttl=False)
        assert by_address(ours) == by_address(theirs)
        scores = [-1.0 if item.score is None else item.score for item in ours]
        assert not query or scores == sorted(scores, reverse=True)
        some = self.store.search(prefix, **given, limit=limit, offset=offset, refresh_ttl=refresh)
        assert list(map(address_of, some)) == list(map(address_of, ours))[offset : offset + limit]
        if refresh:
            self.model.touch(list(map(address_of, some)))

    @rule(namespace=NAMESPACES)
    def keys_of_a_namespace_keep_their_order(self, namespace: Any) -> None:
        ours = [i.key for i in self.store.search(namespace, limit=ALL) if i.namespace == namespace]
        created = [self.store.get(namespace, key) for key in ours]
        moments = [item.created_at for item in created if item]
        assert moments == sorted(moments)
        self.model.touch([address_of(i) for i in self.model.store.search(namespace, limit=ALL)])

    @rule(
        prefix=PATHS,
        suffix=PATHS,
        depth=st.none() | st.integers(1, 3),
        limit=st.integers(0, 4),
        offset=st.integers(0, 2),
    )
    def list_namespaces(
        self, prefix: Any, suffix: Any, depth: int | None, limit: int, offset: int
    ) -> None:
        options: dict[str, Any] = {
            "prefix": prefix,
            "suffix": suffix,
            "max_depth": depth,
            "limit": limit,
            "offset": offset,
        }
        self.model.delete((("none",), "none"))
        assert self.store.list_namespaces(**options) == self.model.store.list_namespaces(**options)

    @rule(
        puts=st.lists(st.tuples(NAMESPACES, KEYS, st.none() | VALUES), min_size=1, max_size=4),
        read=st.tuples(NAMESPACES, KEYS),
        prefix=PREFIXES,
    )
    def batch(self, puts: Any, read: Address, prefix: Any) -> None:
        reads: list[Op] = [GetOp(*read), SearchOp(prefix, limit=ALL)]
        item, items = self.store.batch([*(PutOp(*put) for put in puts), *reads])[-2:]
        theirs = self.model.store.get(*read)
        assert (item and item.value) == (theirs and theirs.value)  # type: ignore[union-attr]
        others = self.model.store.search(prefix, limit=ALL)
        assert by_address(items) == by_address(others)  # type: ignore[arg-type]
        self.model.touch([*([read] if theirs else []), *map(address_of, others)])
        for namespace, key, value in puts:
            if value is None:
                self.model.delete((namespace, key))
            else:
                self.model.put((namespace, key), value, None, None)

    @rule()
    def reopen(self) -> None:
        self.memory.flush()
        self.memory.services.memories._indexes.clear()

    @rule()
    def the_controller_finds_what_is_indexed(self) -> None:
        hits = self.memory.search("tea", k=ALL, reinforce=False)
        # Equal texts are one hit, which names the others.
        ids = [i for h in hits for i in (h.memory.id, *h.duplicates)]
        sessions = {self.memory.get(i).session_id for i in ids}
        scored = self.store.search((), query="tea", limit=ALL, refresh_ttl=False)
        assert len(sessions) == sum(item.score is not None for item in scored)


StoreMachine.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
TestStoreAgainstLangGraph = StoreMachine.TestCase
