"""Deleted memories are gone at once, with everything derived from them."""

from __future__ import annotations

import gc
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from agentmem import (
    Agent,
    Granularity,
    InMemoryStore,
    Memory,
    MemoryController,
    MemoryNotFoundError,
    Scope,
    State,
)
from agentmem.langchain import AgentMemoryStore
from agentmem.testing import ManualClock, ScriptedChatModel
from agentmem_stores import Batch, Entry

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA = Scope("ada")
SECRET = "zanzibar"
STATEMENT = "My secret hideout is in zanzibar, where the cloves grow."


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(),
        scope=ADA,
        embeddings=embeddings,
        clock=ManualClock(START),
        rng=random.Random(7),
        linger=None,
    ) as controller:
        yield controller


def records(memory: MemoryController) -> list[Memory]:
    """Every memory of the store, whatever its state, with former versions."""
    return [m for g in Granularity for m in memory.services.store.scan(ADA, g)]


def traces(memory: MemoryController, tmp_path: Path, gone: tuple[str, ...] = ()) -> list[str]:
    """Where the secret, or the id of a deleted memory, still occurs."""
    memory.export(tmp_path / "trace.jsonl")
    contents = [json.dumps(str(vars(record))) for record in records(memory)]
    index = memory.services.memories.index(ADA)
    links = [str(sorted(index.edges.items()))]
    recalled = [str(hit) for hit in memory.search(SECRET, k=50, include_archived=True)]
    past = [str(hit) for hit in memory.search(SECRET, k=50, as_of=START + timedelta(days=9))]
    graph = [str(memory.graph().nodes(data=True)), str(memory.graph().edges(data=True))]
    outputs = (
        memory.facts(superseded=True), memory.profile(), memory.topics(), memory.plans(),
        memory.timeline(k=1000), memory.timeline(SECRET, k=50),
    )  # fmt: skip
    places = {
        "records": contents, "links": links, "search": recalled, "as_of": past, "graph": graph,
        "export": [(tmp_path / "trace.jsonl").read_text()], "told": list(map(str, outputs)),
    }  # fmt: skip
    lexical = [
        t for g in Granularity if index.tables[g].words.postings(SECRET)[0].size for t in (g,)
    ]
    copies = [
        name
        for name, texts in places.items()
        if any(word in text for text in texts for word in (SECRET, *gone))
    ]
    vocabulary = index.tables[Granularity.TURN].vocabulary
    words = [word for word in (*vocabulary.stems, *vocabulary.words) if SECRET in word]
    return copies + ["lexical"] * bool(lexical) + ["vocabulary"] * bool(words)


def talk(memory: MemoryController) -> list[Memory]:
    turns = memory.add(
        ["The weather is grey.", STATEMENT, "I play the cello on Mondays.", "Rehearsal was long."],
        session_id="s",
    )
    memory.end_session("s")
    memory.add("I bought new strings for the cello.", session_id="t")
    memory.end_session("t")
    return turns


def test_deleting_a_turn_removes_it_from_derived_memories(
    memory: MemoryController, tmp_path: Path
) -> None:
    turns = talk(memory)
    made = [m for m in records(memory) if m.granularity is not Granularity.TURN]
    assert any(SECRET in m.text for m in made)
    report = memory.delete(turns[1].id)
    assert traces(memory, tmp_path, (turns[1].id,)) == []
    assert report.deleted == (turns[1].id,)
    assert set(report.derived) <= {m.id for m in made}
    summaries = [m for m in records(memory) if m.granularity is Granularity.SUMMARY]
    assert {m.session_id for m in summaries} == {"s", "t"}
    assert any("cello" in m.text for m in summaries)
    assert memory.check().ok


def test_deleting_a_turn_of_a_continued_session_removes_it_from_derived_memories(
    memory: MemoryController, tmp_path: Path
) -> None:
    turns = talk(memory)
    # The session's digest no longer covers all of its turns, and still holds the secret.
    memory.add("One more thing.", session_id="s")
    memory.delete(turns[1].id)
    assert traces(memory, tmp_path, (turns[1].id,)) == []


def test_former_versions_of_derived_memories_are_deleted(
    memory: MemoryController, tmp_path: Path
) -> None:
    turns = talk(memory)
    [summary] = [
        m
        for m in memory.get_all(granularity=Granularity.SUMMARY, limit=None)
        if m.session_id == "s"
    ]
    memory.update(summary.id, text="They talked about a hideout and a cello.")
    assert "zanzibar" in memory.history(summary.id)[0].text
    memory.delete(turns[1].id)
    assert traces(memory, tmp_path, (turns[1].id,)) == []
    assert all("hideout" not in m.text for m in records(memory))


def test_topics_and_days_are_deleted(memory: MemoryController, tmp_path: Path) -> None:
    for n in range(40):
        memory.add([f"Day {n}: the cello again.", f"The garden in week {n}."], session_id=f"d{n}")
    turns = talk(memory)
    memory.consolidate()
    gists = [m for m in records(memory) if m.granularity in (Granularity.TOPIC, Granularity.DAY)]
    assert any(turns[1].id in gist.sources for gist in gists)
    memory.delete(turns[1].id)
    assert traces(memory, tmp_path, (turns[1].id,)) == []


def test_facts_plans_and_citations_are_deleted(memory: MemoryController, tmp_path: Path) -> None:
    said = [f"My favourite food is {SECRET} pie.", "I play the cello."]
    memory.add_many({"s": said, "t": ["I live in Porto."]})
    food, cello, _ = memory.get_all(granularity=Granularity.TURN)
    memory.add_plan(f"bake {SECRET} pie", ["knead"], sources=[food.id])
    memory.add_plan("practise", ["tune"], sources=[cello.id])
    hits = memory.search("What is my favourite food?", k=3)
    memory.feedback(hits, cited=[food.id])
    assert any(SECRET in fact.value for fact in memory.facts(superseded=True))
    assert memory.learned().citations == 1
    memory.delete(food.id)
    assert traces(memory, tmp_path, (food.id,)) == []
    assert [plan.goal for plan in memory.plans()] == ["practise"]
    assert memory.learned().citations == 0
    assert {fact.value for fact in memory.facts()} == {"Porto", "cello"}
    assert memory.check().ok


def test_memories_derived_from_derived_memories_are_deleted(
    memory: MemoryController, tmp_path: Path
) -> None:
    turns = talk(memory)
    [vector] = memory.services.embedder.documents(["x"])

    def put(name: str, text: str, sources: tuple[str, ...], **more: Any) -> None:
        derived = Memory(
            name, ADA, Granularity.TURN, text, "shelf:facts", START, START,
            role="system", sources=sources, **more,
        )  # fmt: skip
        memory.services.memories.write(Batch(ADA, put=[Entry(derived, vector)]))

    put("derived-1", f"hides in {SECRET}", (turns[1].id, turns[0].id))
    put("derived-2", f"somebody who hides in {SECRET}", ("derived-1",))
    put("derived-3", "plays the cello", (turns[2].id,))
    report = memory.delete(turns[1].id)
    assert {"derived-1", "derived-2"} <= set(report.derived)
    assert traces(memory, tmp_path, (turns[1].id, "derived-1", "derived-2")) == []
    assert memory.get("derived-3").text == "plays the cello"


def test_merged_duplicates_are_deleted_together(memory: MemoryController, tmp_path: Path) -> None:
    memory.add("I live in zanzibar.", session_id="a")
    memory.add("I live in zanzibar.", session_id="b")
    memory.add("Something else.", session_id="c")
    memory.consolidate()
    [stands] = [
        m
        for m in memory.get_all(granularity=Granularity.TURN)
        if SECRET in m.text and m.state is State.ACTIVE
    ]
    report = memory.delete(stands.id)
    assert len(report.deleted) == 2
    assert traces(memory, tmp_path) == []


def test_update_removes_the_former_text_from_search_and_derived_memories(
    memory: MemoryController, tmp_path: Path
) -> None:
    turns = talk(memory)
    memory.update(turns[1].id, text="My hideout is nobody's business.")
    assert all(SECRET not in hit.memory.text for hit in memory.search(SECRET, k=50))
    current = [m for m in records(memory) if m.version_of is None]
    assert all(SECRET not in m.text for m in current)
    # Only the history has it, and deleting takes the history along.
    memory.delete(turns[1].id)
    assert traces(memory, tmp_path, (turns[1].id,)) == []


def test_delete_session_deletes_all_of_it(memory: MemoryController, tmp_path: Path) -> None:
    turns = talk(memory)
    report = memory.delete_session("s")
    assert {t.id for t in turns} <= set(report.deleted)
    assert {m.session_id for m in records(memory)} == {"t"}
    assert traces(memory, tmp_path, tuple(t.id for t in turns)) == []
    assert memory.check().ok
    with pytest.raises(MemoryNotFoundError, match="no session 's'"):
        memory.delete_session("s")


@pytest.mark.parametrize("verb", ["delete_all", "reset"])
def test_delete_all_leaves_nothing(memory: MemoryController, tmp_path: Path, verb: str) -> None:
    turns = talk(memory)
    memory.update(turns[1].id, text="Changed.")
    memory.search(SECRET)
    getattr(memory, verb)()
    assert records(memory) == []
    assert traces(memory, tmp_path, tuple(t.id for t in turns)) == []
    assert memory.services.memories.index(ADA).session_names == []


def test_pending_recalls_do_not_restore_deleted_memories(
    memory: MemoryController, tmp_path: Path
) -> None:
    turns = talk(memory)
    memory.search(SECRET)
    memory.delete(turns[1].id)
    memory.flush()
    assert traces(memory, tmp_path, (turns[1].id,)) == []


def test_closing_with_an_emptied_session_raises_nothing(embeddings: Embeddings) -> None:
    memory = MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings)
    [turn] = memory.add(STATEMENT)
    memory.delete(turn.id)
    memory.close()


def test_an_agent_clears_its_caches(memory: MemoryController) -> None:
    agent = Agent(ScriptedChatModel(["I see.", "Yes?"]), memory)
    config: Any = {"configurable": {"session_id": "chat"}}
    agent.invoke(STATEMENT, config)
    agent.invoke("Do you know zanzibar?", config)
    recall = agent.recall_for("chat")
    assert recall is not None
    assert any(SECRET in hit.memory.text for hit in recall)
    assert SECRET in cached(memory)
    [turn] = [m for m in memory.get_all(session_id="chat", limit=None) if m.text == STATEMENT]
    memory.delete(turn.id)
    assert agent.recall_for("chat") is None
    assert STATEMENT not in memory.services.embedder.cached_queries
    assert SECRET not in cached(memory)


def cached(memory: MemoryController) -> str:
    """Everything that the listeners of a controller keep, as text."""
    return "".join(repr(vars(listener)) for listener in memory.services.listeners)


def test_another_controller_on_the_store_clears_its_caches(memory: MemoryController) -> None:
    other = MemoryController(
        memory.services.store,
        scope=ADA,
        embeddings=memory.embeddings,
        clock=memory.clock,
        linger=None,
    )
    agent = Agent(ScriptedChatModel(["I see.", "Yes?"]), other)
    config: Any = {"configurable": {"session_id": "chat"}}
    agent.invoke(STATEMENT, config)
    agent.invoke("Where is my secret hideout?", config)
    [turn] = [m for m in memory.get_all(session_id="chat", limit=None) if m.text == STATEMENT]
    memory.delete(turn.id)
    assert agent.recall_for("chat") is None
    assert not other.services.embedder.cached_queries
    assert SECRET not in cached(other)
    table = other.services.memories.index(ADA).tables[Granularity.TURN]
    assert not [word for word in table.vocabulary.stems if SECRET in word]


def test_deleted_vectors_are_overwritten_in_memory(memory: MemoryController) -> None:
    turns = talk(memory)
    table = memory.services.memories.index(ADA).tables[Granularity.TURN]
    row = table.row_of[turns[1].id]
    assert table.vectors(np.array([row])).any()
    memory.delete(turns[1].id)
    assert not table.vectors(np.array([row])).any()


def test_deleted_text_is_nowhere_in_the_process(memory: MemoryController) -> None:
    """Neither our caches nor those of stemmers, regular expressions and other libraries."""
    secret = "".join(random.Random(11).choices("bdfgklmnprstvaeiou", k=11))
    tell(memory, secret)
    assert held_of(secret), "it stands nowhere, or this test sees nothing"
    forget_all(memory, secret)
    assert held_of(secret) == []


def tell(memory: MemoryController, secret: str) -> None:
    """Put the secret into everything that caches or stores."""
    turns = memory.add(
        [
            f"I live in {secret.capitalize()} now.", f"My favourite food is {secret} pie.",
            f"I work as a {secret} nurse.", "I play the cello.",
        ],
        session_id="s",
    )  # fmt: skip
    memory.end_session("s")
    memory.consolidate()
    memory.feedback(memory.search(f"Where is {secret}?"), cited=[turns[0].id])
    memory.add_plan(f"Go to {secret}", [f"Fly to {secret}"], sources=[turns[0].id])
    items = AgentMemoryStore(memory)
    items.put((secret,), secret, {"text": f"All about {secret}"})
    items.search((secret,), query=secret)
    items.delete((secret,), secret)
    memory.timeline(secret), memory.topics(secret), memory.plans(secret), memory.profile()


def forget_all(memory: MemoryController, secret: str) -> None:
    while matches := [m for m in memory.get_all(limit=None) if secret in m.text.lower()]:
        memory.delete(matches[0].id)


def held_of(secret: str) -> list[str]:
    """The objects of the interpreter that contain a word, and their referrers."""
    gc.collect()
    copies = []
    for holder in gc.get_objects():
        for value in gc.get_referents(holder):
            kind = type(value)
            if kind not in (str, bytes) or value is secret:
                continue
            if secret in (value if kind is str else value.decode("latin-1")).lower():
                copies.append(f"{type(holder).__name__}: {value!r:.80}")
    return copies
