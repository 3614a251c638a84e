"""No call in one scope reads, changes, counts, links or deletes anything of another."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from langchain.agents import create_agent
from langchain_core.messages import BaseMessage
from langchain_core.tools import ToolException

from agentmem import (
    Agent,
    ChromaStore,
    Draft,
    Granularity,
    InMemoryStore,
    Memory,
    MemoryController,
    MemoryNotFoundError,
    MemoryStore,
    Scope,
    State,
)
from agentmem.langchain import (
    AgentMemoryStore,
    MemoryMiddleware,
    create_manage_memory_tool,
    create_recall_memory_tool,
    create_search_memory_tool,
)
from agentmem.testing import ManualClock, ScriptedChatModel
from tests.agentmem.langchain.conftest import WordEmbeddings

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

# One user with and without agents, names that print alike, look alike, are alike once normalised,
# or mean something to a query language; in one partition of a store opened with one.
SCOPES = (
    Scope("jos\u00e9"),
    Scope("jos\u00e9", "helper"),
    Scope("jos\u00e9/helper"),
    Scope("jose\u0301"),
    Scope('{"$ne": ""}'),
)
MARKS = tuple(f"qx{n}zq" for n in range(len(SCOPES)))
SENTENCES = (
    "I adopted a beagle called Biscuit.",
    "I live in Porto now.",
    "The cello needs new strings.",
    "My sister visits on Sunday.",
    "Where did I put the key?",
)

numbers = st.integers(0, len(SCOPES) - 1)
sentences = st.sampled_from(SENTENCES)
sessions = st.sampled_from(["s", "t", "*"])
picks = st.integers(0, 10_000)
namespaces = st.sampled_from([("notes",), ("notes", "old"), ("plans",)])
keys = st.sampled_from(["a", "b", "*"])
filters = st.sampled_from(
    [None, {}, {"n": {"$ne": ""}}, {"scope": {"$ne": ""}}, {"user_id": {"$gte": ""}}, {"n": 1}]
)


# What concerns no scope, or all of them.
UNSCOPED = {
    "add_listener", "clock", "close", "curve", "embeddings", "flush", "open", "owners",
}  # fmt: skip


def public_calls() -> set[str]:
    return {name for name in dir(MemoryController) if not name.startswith("_")} - UNSCOPED


class Witness:
    """A controller that records its calls, and makes every second one by the async version."""

    def __init__(self, memory: MemoryController, calls: Counter[str]) -> None:
        self._memory, self._calls, self._all_calls = memory, Counter[str](), calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        to_async = f"a{name}"
        awaited = hasattr(self._memory, to_async) and self._calls[name] > self._calls[to_async]
        for counts in (self._calls, self._all_calls):
            counts[to_async if awaited else name] += 1
        if awaited:
            return partial(self._awaited, getattr(self._memory, to_async))
        return cast("Callable[..., Any]", getattr(self._memory, name))

    def _awaited(self, verb: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return asyncio.run(verb(*args, **options))


def is_item(memory: Memory) -> bool:
    return memory.session_id.startswith('shelf:["') or memory.session_id.startswith("shelf:[[")


class Isolation(RuleBasedStateMachine):
    """Acts in one scope at a time, and inspects all of them after every step."""

    steps = 0
    calls: ClassVar[Counter[str]] = Counter()

    def new_store(self) -> MemoryStore:
        return InMemoryStore(WordEmbeddings.spec)

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock(START)
        self.controller = MemoryController(
            self.new_store(),
            embeddings=WordEmbeddings(),
            clock=self.clock,
            rng=random.Random(5),
            linger=None,
        )
        self.memory = cast("MemoryController", Witness(self.controller, self.calls))
        self.turns: dict[Scope, dict[str, str]] = {scope: {} for scope in SCOPES}
        self.items: dict[Scope, dict[tuple[tuple[str, ...], str], Any]] = {s: {} for s in SCOPES}
        self.seen: dict[Scope, dict[tuple[str, str], Memory]] = {scope: {} for scope in SCOPES}
        self.acted: Scope | None = None

    def teardown(self) -> None:
        if hasattr(self, "controller"):
            self.controller.close()
            shutil.rmtree(self.folder)

    def enter(self, number: int) -> Scope:
        self.acted = SCOPES[number]
        self.clock.advance(hours=7)
        return SCOPES[number]

    def mine(self, scope: Scope, pick: int) -> str | None:
        known = sorted(self.turns[scope])
        return known[pick % len(known)] if known else None

    def others(self, scope: Scope, pick: int) -> str | None:
        theirs = (i for s in SCOPES if s != scope for i in self.turns[s])
        known = sorted(set(theirs) - self.turns[scope].keys())
        return known[pick % len(known)] if known else None

    def only_own(self, scope: Scope, result: object) -> None:
        """Whatever was returned says nothing of anybody else."""
        text = str(result)
        for other, mark in zip(SCOPES, MARKS, strict=True):
            assert other == scope or mark not in text

    # Writes.

    @rule(number=numbers, session=sessions, sentence=st.lists(sentences, min_size=1, max_size=3))
    def add(self, number: int, session: str, sentence: list[str]) -> None:
        scope = self.enter(number)
        texts = [f"{text} {MARKS[number]}" for text in sentence]
        made = self.memory.add(texts, session_id=session, scope=scope, metadata={"n": number})
        self.turns[scope] |= {m.id: m.text for m in made}
        self.only_own(scope, self.memory.open_session(scope=scope))

    @rule(number=numbers, session=sessions, sentence=sentences)
    def add_turns(self, number: int, session: str, sentence: str) -> None:
        scope = self.enter(number)
        drafts = [Draft(f"{sentence} {MARKS[number]}")]
        made = self.memory.add_turns(drafts, session_id=session, scope=scope)
        self.turns[scope] |= {m.id: m.text for m in made}

    @rule(number=numbers, given=st.dictionaries(sessions, sentences, max_size=2))
    def add_many(self, number: int, given: dict[str, str]) -> None:
        scope = self.enter(number)
        texts = {session: [f"{sentence} {MARKS[number]}"] for session, sentence in given.items()}
        made = self.memory.add_many(texts, scope=scope)
        self.turns[scope] |= {m.id: m.text for m in made}

    @rule(number=numbers, session=sessions)
    def end_session(self, number: int, session: str) -> None:
        scope = self.enter(number)
        try:
            self.only_own(scope, self.memory.end_session(session, scope=scope))
        except MemoryNotFoundError:
            assert not self.memory.get_all(scope=scope, session_id=session, limit=None)

    @rule(number=numbers, pick=picks, sentence=sentences)
    def update(self, number: int, pick: int, sentence: str) -> None:
        scope = self.enter(number)
        if (mine := self.mine(scope, pick)) is not None:
            new = self.memory.update(mine, text=f"{sentence} {MARKS[number]}", scope=scope)
            self.turns[scope][mine] = new.text

    @rule(number=numbers, pick=picks)
    def delete(self, number: int, pick: int) -> None:
        scope = self.enter(number)
        if (mine := self.mine(scope, pick)) is not None:
            for gone in self.memory.delete(mine, scope=scope).deleted:
                self.turns[scope].pop(gone, None)

    @rule(number=numbers, session=sessions)
    def delete_session(self, number: int, session: str) -> None:
        scope = self.enter(number)
        try:
            gone = self.memory.delete_session(session, scope=scope)
        except MemoryNotFoundError:
            return
        for i in gone.deleted:
            self.turns[scope].pop(i, None)

    @rule(number=numbers, verb=st.sampled_from(["delete_all", "reset"]))
    def delete_all(self, number: int, verb: str) -> None:
        scope = self.enter(number)
        getattr(self.memory, verb)(scope=scope)
        self.turns[scope], self.items[scope] = {}, {}

    @rule(number=numbers, days=st.sampled_from([0, 400]))
    def keep_in_order(self, number: int, days: int) -> None:
        scope = self.enter(number)
        self.clock.advance(days=days)
        archived = set(self.memory.sweep(scope=scope).archived)
        assert archived <= {i for _, i in self.dump(scope)}
        self.only_own(scope, self.memory.consolidate(scope=scope))
        self.compact()

    def compact(self) -> None:
        self.memory.compact()

    @rule(number=numbers, other=numbers, sentence=sentences)
    def feedback(self, number: int, other: int, sentence: str) -> None:
        """Hits of another scope strengthen and teach nothing, there or here."""
        scope = self.enter(number)
        hits = self.memory.search(sentence, scope=SCOPES[other], reinforce=False)
        before = self.dump(scope)
        self.memory.reinforce(hits, scope=scope)
        self.memory.feedback(hits, cited=[hit.memory.id for hit in hits], scope=scope)
        assert scope == SCOPES[other] or self.dump(scope) == before

    @rule(number=numbers, unlearn=st.booleans())
    def look_at_what_was_learned(self, number: int, unlearn: bool) -> None:
        scope = self.enter(number)
        citations = [i for kind, i in self.dump(scope) if kind == Granularity.CITATION]
        assert self.memory.learned(scope=scope).citations == len(citations)
        if unlearn:
            assert self.memory.reset_learning(scope=scope) == len(citations)
            assert self.memory.learned(scope=scope).citations == 0

    @rule(
        number=numbers,
        pick=picks,
        sentence=sentences,
        outcome=st.sampled_from([None, "success", "failure"]),
    )
    def plan(self, number: int, pick: int, sentence: str, outcome: str | None) -> None:
        scope = self.enter(number)
        mine, theirs = self.mine(scope, pick), self.others(scope, pick)
        goal, steps = f"{sentence} {MARKS[number]}", [f"Think of {MARKS[number]}.", "Act."]
        if theirs is not None:
            with pytest.raises(MemoryNotFoundError):
                self.memory.add_plan(goal, steps, outcome, sources=[theirs], scope=scope)
        sources = [mine] if mine is not None else []
        if mine is not None:
            self.pin(scope, mine)
        made = self.memory.add_plan(goal, steps, outcome, sources=sources, scope=scope)
        self.memory.plan_went(made.id, "success", scope=scope)
        for other in SCOPES:
            if other != scope:
                with pytest.raises(MemoryNotFoundError):
                    self.memory.plan_went(made.id, "failure", scope=other)

    @rule(number=numbers)
    def repair(self, number: int) -> None:
        scope = self.enter(number)
        before = self.dump(scope)
        assert self.memory.check(repair=True, scope=scope).ok
        assert self.dump(scope) == before

    @rule(number=numbers)
    def export_and_import(self, number: int) -> None:
        scope = self.enter(number)
        before = self.dump(scope)
        count = self.memory.export(self.folder / "x.jsonl", scope=scope)
        assert count == len(before)
        self.only_own(scope, (self.folder / "x.jsonl").read_text())
        assert self.memory.import_(self.folder / "x.jsonl", scope=scope) == count
        assert self.dump(scope) == before

    @rule(number=numbers, other=numbers)
    def import_under_the_ids_of_another(self, number: int, other: int) -> None:
        """The same ids in two scopes are two memories each."""
        if number == other or self.items[SCOPES[other]]:
            return
        scope = self.enter(number)
        self.memory.export(self.folder / "x.jsonl", scope=SCOPES[other])
        content = (self.folder / "x.jsonl").read_text().replace(MARKS[other], MARKS[number])
        (self.folder / "x.jsonl").write_text(content)
        self.memory.import_(self.folder / "x.jsonl", scope=scope)
        theirs = self.turns[SCOPES[other]].items()
        self.turns[scope] |= {i: t.replace(MARKS[other], MARKS[number]) for i, t in theirs}

    # Reads.

    @rule(
        number=numbers,
        sentence=sentences,
        k=st.sampled_from([1, 5, 50]),
        kind=st.sampled_from([g for g in Granularity if g is not Granularity.CITATION]),
        past=st.booleans(),
        archived=st.booleans(),
        hops=st.sampled_from([1, 3]),
    )
    def search(
        self,
        number: int,
        sentence: str,
        k: int,
        kind: Granularity,
        past: bool,
        archived: bool,
        hops: int,
    ) -> None:
        scope = self.enter(number)
        known = {i for _, i in self.dump(scope)}
        options: dict[str, Any] = {
            "k": k,
            "granularity": kind,
            "as_of": self.clock() if past else None,
            "include_archived": archived,
            "explain": True,
            "hops": hops,
        }
        result = self.memory.search(sentence, scope=scope, **options)
        later = self.memory.search(sentence, scope=scope, **options)
        assert [hit.memory.id for hit in later] == [hit.memory.id for hit in result]
        for hit in result:
            assert hit.memory.scope == scope
            assert {hit.memory.id, *hit.path, *(m.id for m in hit.context)} <= known
        self.only_own(scope, (result, [hit.context for hit in result]))
        retriever = self.memory.as_retriever(k=k, scope=scope, granularity=kind)
        self.only_own(scope, retriever.invoke(sentence))
        self.recall(scope, sentence, past)

    def recall(self, scope: Scope, sentence: str, past: bool) -> None:
        known = {i for _, i in self.dump(scope)}
        moment = self.clock() if past else None
        for tokens in (50, 2000):
            context = self.memory.recall(sentence, max_tokens=tokens, as_of=moment, scope=scope)
            assert context.tokens <= tokens
            for item in context.items:
                assert {item.memory.id, *item.turn_ids} <= known
            self.only_own(scope, context)
        tool = create_recall_memory_tool(self.controller, scope=scope)
        self.only_own(scope, tool.invoke({"query": sentence}))

    def pin(self, scope: Scope, mine: str) -> None:
        self.only_own(scope, self.memory.related(mine, scope=scope))
        if self.memory.get(mine, scope=scope).state is not State.SUPERSEDED:
            self.memory.pin(mine, scope=scope)
            self.memory.unpin(mine, scope=scope)
            self.memory.archive(mine, scope=scope)
            self.memory.revive(mine, scope=scope)
            self.memory.pin(mine, scope=scope)

    @rule(number=numbers, sentence=sentences)
    def document(self, number: int, sentence: str) -> None:
        scope = self.enter(number)
        text = f"# Notes\n\n{sentence} {MARKS[number]}"
        document = self.memory.add_document(text, source="notes", scope=scope)
        for other in SCOPES:
            mine = self.memory.documents(scope=other)
            assert [d.id for d in mine] == [document.id] * (other == scope)
            if other != scope:
                with pytest.raises(MemoryNotFoundError):
                    self.memory.delete_document("notes", scope=other)
        assert self.memory.delete_document("notes", scope=scope).deleted == document.chunks

    @rule(number=numbers, sentence=sentences)
    def recognize(self, number: int, sentence: str) -> None:
        scope = self.enter(number)
        self.only_own(scope, self.memory.recognize(f"{sentence} {MARKS[0]}", scope=scope).memory)
        results = self.memory.search_many([sentence, "tea"], scope=scope, reinforce=False)
        self.only_own(scope, [hit.memory for hits in results for hit in hits])

    @rule(number=numbers, session=sessions)
    def read(self, number: int, session: str) -> None:
        scope = self.enter(number)
        self.only_own(scope, self.memory.get_all(scope=scope, session_id=session, limit=None))
        self.only_own(scope, [self.memory.get(i, scope=scope) for i in self.turns[scope]])
        self.only_own(scope, [self.memory.history(i, scope=scope) for i in self.turns[scope]])
        stats = self.memory.stats(scope=scope)
        content = self.dump(scope)
        assert sum(stats.memories.values()) + stats.versions == len(content)
        graph = self.memory.graph(scope=scope)
        assert set(graph) <= {i for _, i in content}
        self.only_own(scope, (stats, graph.nodes(data=True), graph.edges))
        assert self.memory.check(scope=scope).ok

    @rule(number=numbers, sentence=st.none() | sentences, superseded=st.booleans())
    def read_what_was_made(self, number: int, sentence: str | None, superseded: bool) -> None:
        """Facts, the portrait, the timeline, topics and plans, asked for and all there are."""
        scope = self.enter(number)
        facts = self.memory.facts(superseded=superseded, scope=scope)
        lines = self.memory.profile(scope=scope)
        events = self.memory.timeline(sentence, k=50, scope=scope)
        topics = self.memory.topics(sentence, scope=scope)
        plans = self.memory.plans(sentence, k=50, scope=scope)
        known = {i for _, i in self.dump(scope)}
        assert {m.id for m in topics} | {event.memory.id for event in events} <= known
        assert {f.id for f in facts} | {line.id for line in lines} | {p.id for p in plans} <= known
        self.only_own(scope, (facts, lines, events, topics, plans))

    @rule(number=numbers, pick=picks, sentence=sentences)
    def reach_across(self, number: int, pick: int, sentence: str) -> None:
        """An id of another scope is no id here, whatever is done with it."""
        scope = self.enter(number)
        theirs = self.others(scope, pick)
        if theirs is None:
            return
        for verb in (
            "archive", "delete", "get", "history", "pin", "related", "revive", "unmerge", "unpin",
        ):  # fmt: skip
            with pytest.raises(MemoryNotFoundError):
                getattr(self.memory, verb)(theirs, scope=scope)
        with pytest.raises(MemoryNotFoundError):
            self.memory.plan_went(theirs, "success", scope=scope)
        with pytest.raises(MemoryNotFoundError):
            self.memory.update(theirs, text=sentence, scope=scope)
        tool = create_manage_memory_tool(self.controller, scope=scope)
        for action in ("update", "delete"):
            arguments = {"action": action, "id": theirs, "content": sentence}
            assert "has no memory" in str(tool.invoke(arguments))

    # LangGraph, tools and agents.

    def store(self, scope: Scope) -> AgentMemoryStore:
        return AgentMemoryStore(self.controller, scope=scope)

    @rule(number=numbers, namespace=namespaces, key=keys, sentence=sentences)
    def put_item(self, number: int, namespace: tuple[str, ...], key: str, sentence: str) -> None:
        scope = self.enter(number)
        value = {"text": f"{sentence} {MARKS[number]}", "n": number}
        self.store(scope).put(namespace, key, value)
        self.items[scope][namespace, key] = value

    @rule(number=numbers, namespace=namespaces, key=keys)
    def delete_item(self, number: int, namespace: tuple[str, ...], key: str) -> None:
        scope = self.enter(number)
        self.store(scope).delete(namespace, key)
        self.items[scope].pop((namespace, key), None)

    @rule(number=numbers, sentence=st.none() | sentences, wanted=filters)
    def search_items(self, number: int, sentence: str | None, wanted: Any) -> None:
        scope = self.enter(number)
        store = self.store(scope)
        items = store.search((), query=sentence, filter=wanted, limit=100)
        mine = self.items[scope]
        assert {(i.namespace, i.key) for i in items} <= mine.keys()
        if not wanted:
            assert {(i.namespace, i.key): i.value for i in items} == mine
        assert store.list_namespaces() == sorted({namespace for namespace, _ in mine})
        for namespace, key in {address for owned in self.items.values() for address in owned}:
            item = store.get(namespace, key)
            assert (item and item.value) == mine.get((namespace, key))

    @rule(number=numbers, sentence=sentences, wanted=filters)
    def use_tools(self, number: int, sentence: str, wanted: Any) -> None:
        scope = self.enter(number)
        manage = create_manage_memory_tool(self.controller, scope=scope)
        made = manage.invoke({"content": f"{sentence} {MARKS[number]}"}).split()[-1]
        self.turns[scope][made] = f"{sentence} {MARKS[number]}"
        look = create_search_memory_tool(self.controller, scope=scope)
        try:
            hits = look.invoke({"query": sentence, "limit": 50, "filter": wanted})
        except ToolException:
            return
        self.only_own(scope, hits)
        if not hits.startswith("Error"):
            assert {hit["id"] for hit in json.loads(hits)} <= {i for _, i in self.dump(scope)}

    @rule(number=numbers, sentence=sentences, own=st.booleans())
    def talk_to_an_agent(self, number: int, sentence: str, own: bool) -> None:
        """One of this package, and one of LangChain's with the middleware."""
        scope = self.enter(number)
        replies: list[str] = []

        def reply(messages: list[BaseMessage]) -> str:
            replies.extend(str(message.text) for message in messages)
            return f"Good. {MARKS[number]}"

        model, question = ScriptedChatModel([reply], repeat=True), f"{sentence} {MARKS[number]}"
        who: Any = {"user_id": scope.user_id, "agent_id": scope.agent_id}
        if own:
            agent = Agent(model, self.controller, k=50)
            agent.invoke(question, {"configurable": {**who, "session_id": "agent"}})
        else:
            middleware = MemoryMiddleware(self.controller, k=50)
            create_agent(model, [], middleware=[middleware]).invoke(
                {"messages": [{"role": "user", "content": question}]},
                {"configurable": {**who, "thread_id": "agent"}},
            )
        self.only_own(scope, replies)
        spoken = self.memory.get_all(scope=scope, session_id="agent", limit=None)
        self.turns[scope] |= {m.id: m.text for m in spoken if m.granularity is Granularity.TURN}

    # Invariants.

    def dump(self, scope: Scope) -> dict[tuple[str, str], Memory]:
        """Everything the store holds of a scope, as it stands."""
        self.controller.flush()
        store = self.controller.services.store
        return {(g.value, m.id): m for g in Granularity for m in store.scan(scope, g)}

    @invariant()
    def nothing_of_one_scope_is_in_another(self) -> None:
        if getattr(self, "acted", None) is None:
            return
        type(self).steps += 1
        for scope in SCOPES:
            content = self.dump(scope)
            if scope != self.acted:
                assert content == self.seen[scope]
                continue
            self.seen[scope] = content
            self.only_own(scope, content)
            known = {i for _, i in content}
            for memory in content.values():
                assert memory.scope == scope
                assert {*memory.sources, *(edge.target for edge in memory.edges)} <= known
            sentence = {
                m.id: m.text
                for m in content.values()
                if m.granularity is Granularity.TURN and m.version_of is None and not is_item(m)
            }
            assert sentence == self.turns[scope]


class OnChroma(Isolation):
    """The same on embedded Chroma with one partition that all scopes share."""

    steps = 0
    calls: ClassVar[Counter[str]] = Counter()
    compacted = False

    def new_store(self) -> MemoryStore:
        return ChromaStore.open(self.folder / "store", WordEmbeddings.spec, partitions=1)

    def compact(self) -> None:
        # Takes seconds, so it runs once per example.
        if not self.compacted:
            self.compacted = True
            self.memory.compact()


@pytest.mark.parametrize(("machine", "examples", "steps"), [(Isolation, 24, 40), (OnChroma, 4, 25)])
def test_scopes_are_isolated(machine: type[Isolation], examples: int, steps: int) -> None:
    machine.steps = 0
    machine.calls.clear()
    missing: set[str] = set()
    # Chance decides which methods are called; few runs leave one out, and hardly any three do.
    for _ in range(3):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
        made = public_calls() & machine.calls.keys()
        missing = {n for n in public_calls() if not made & {n, f"a{n}", n.removeprefix("a")}}
        if machine is not Isolation or not missing:
            break
    print(f"{machine.__name__}: {machine.steps} steps over {len(SCOPES)} scopes")
    if machine is Isolation:
        # A new method of the controller must be added to the machine as well, at least its
        # synchronous or its async version.
        assert not missing
        times = sum(machine.calls.values())
        print(f"{len(made)} of {len(public_calls())} public calls, made {times} times")
