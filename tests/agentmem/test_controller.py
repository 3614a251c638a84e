"""The controller's verbs on the in-memory store with the real embedder."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage

from agentmem import (
    ChromaStore,
    ClosedError,
    EmptyTextError,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    InvalidScopeError,
    MemoryController,
    MemoryNotFoundError,
    NaiveDatetimeError,
    Scope,
    SearchSettings,
    State,
)
from agentmem.testing import ManualClock

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA, BEN = Scope("ada"), Scope("ben")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def memory(embeddings: Embeddings, clock: ManualClock) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=clock, rng=random.Random(7)
    ) as controller:
        yield controller


def texts(memories: object) -> list[str]:
    return [m.text for m in memories]  # type: ignore[attr-defined]


class TestAdd:
    def test_accepts_strings_messages_dicts_and_lists(self, memory: MemoryController) -> None:
        memory.add("One.", session_id="s")
        memory.add(HumanMessage("Two."), session_id="s")
        memory.add({"role": "assistant", "content": "Three."}, session_id="s")
        memory.add([AIMessage("Four."), {"role": "user", "content": "Five."}], session_id="s")
        turns = memory.get_all(granularity=Granularity.TURN)
        assert texts(turns) == ["One.", "Two.", "Three.", "Four.", "Five."]
        assert [t.role for t in turns] == ["user", "user", "assistant", "assistant", "user"]
        assert [t.position for t in turns] == [0, 1, 2, 3, 4]

    def test_is_searchable_at_once(self, memory: MemoryController) -> None:
        memory.add("I adopted a beagle called Biscuit.", session_id="s")
        memory.add("The weather is grey today.", session_id="s")
        assert memory.search("What is my dog called?", k=1)[0].memory.text.endswith("Biscuit.")

    def test_another_session_ends_the_open_one(self, memory: MemoryController) -> None:
        memory.add("I moved to Lisbon.", session_id="a")
        assert not memory.get_all(granularity=Granularity.SUMMARY)
        memory.add("Good morning!", session_id="b")
        assert [m.session_id for m in memory.get_all(granularity=Granularity.SUMMARY)] == ["a"]

    def test_without_a_session_continues_the_open_one(self, memory: MemoryController) -> None:
        [first] = memory.add("Hello.")
        [second] = memory.add("Still me.")
        assert first.session_id == second.session_id
        memory.end_session()
        [third] = memory.add("Back again.", timestamp=START + timedelta(days=1))
        assert third.said_at == START + timedelta(days=1)

    @pytest.mark.parametrize("nothing", ["", " \n\t", [], [""], {"role": "user", "content": " "}])
    def test_rejects_empty_input(self, memory: MemoryController, nothing: object) -> None:
        with pytest.raises(EmptyTextError):
            memory.add(nothing)  # type: ignore[arg-type]
        assert memory.get_all() == []

    def test_one_invalid_message_writes_none(self, memory: MemoryController) -> None:
        with pytest.raises(InvalidInputError):
            memory.add(["fine", {"role": "user", "text": "wrong key"}])
        assert memory.get_all() == []

    def test_rejects_naive_datetimes(self, memory: MemoryController) -> None:
        with pytest.raises(NaiveDatetimeError, match="timezone"):
            memory.add("x", timestamp=datetime(2026, 1, 1))  # noqa: DTZ001
        assert memory.get_all() == []

    def test_rejects_metadata_that_json_cannot_represent(self, memory: MemoryController) -> None:
        with pytest.raises(InvalidInputError):
            memory.add("x", metadata={"a": object()})
        assert memory.get_all() == []


class TestEndSession:
    def test_derives_every_granularity_from_all_turns(self, memory: MemoryController) -> None:
        turns = memory.add(["I play the cello.", "Rehearsal is on Monday."], session_id="s")
        derived = memory.end_session("s")
        of_session = {g for g in Granularity if g.of_session}
        whole = [m for m in derived if m.granularity is not Granularity.FACT]
        assert {m.granularity for m in whole} == of_session - {Granularity.TURN}
        assert all(m.sources == tuple(t.id for t in turns) for m in whole)

    def test_ending_twice_changes_nothing(self, memory: MemoryController) -> None:
        memory.add("I play the cello.", session_id="s")
        assert memory.end_session("s") == memory.end_session("s")

    def test_ending_again_after_more_turns_replaces_the_derived(
        self, memory: MemoryController
    ) -> None:
        memory.add("I play the cello.", session_id="s")
        before = memory.end_session("s")
        memory.add("And the drums, loudly.", session_id="s")
        after = memory.end_session("s")
        assert {m.id for m in before} <= {m.id for m in after}
        assert any("drums" in m.text for m in after)

    def test_a_long_session_is_split_into_passages_without_loss(
        self, memory: MemoryController
    ) -> None:
        said = [f"Fact number {i} is about topic {i * 7}." for i in range(60)]
        memory.add([*said, "word " * 600], session_id="s")
        passages = [m for m in memory.end_session("s") if m.granularity is Granularity.SESSION]
        together = " ".join(texts(passages))
        assert len(passages) > 3
        assert all(text in together for text in said)
        assert together.count("word") == 600

    def test_unknown_session_raises(self, memory: MemoryController) -> None:
        with pytest.raises(MemoryNotFoundError, match="nowhere"):
            memory.end_session("nowhere")

    def test_close_ends_open_sessions(self, embeddings: Embeddings) -> None:
        store = InMemoryStore()
        memory = MemoryController(store, scope=ADA, embeddings=embeddings)
        memory.add("I play the cello.", session_id="s")
        memories = memory.get_all(granularity=Granularity.TURN)
        memory.close()
        memory.close()
        assert len(memories) == 1
        with pytest.raises(ClosedError, match="closed"):
            memory.search("cello")


class TestUpdateAndHistory:
    def test_update_keeps_the_former_version(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [turn] = memory.add("My phone is blue.", session_id="s")
        clock.advance(days=3)
        new = memory.update(turn.id, text="My phone is red.")
        assert new.id == turn.id
        assert texts(memory.history(turn.id)) == ["My phone is blue.", "My phone is red."]
        assert [m.version for m in memory.history(turn.id)] == [1, 2]
        assert texts(h.memory for h in memory.search("phone", k=5)) == ["My phone is red."]

    def test_as_of_searches_the_version_of_that_time(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [turn] = memory.add("My phone is blue.", session_id="s")
        clock.advance(days=3)
        memory.update(turn.id, text="My phone is red.")
        then = memory.search("phone", as_of=START + timedelta(days=1))
        assert texts(h.memory for h in then) == ["My phone is blue."]
        before = memory.search("phone", as_of=START - timedelta(days=1))
        assert len(before) == 0

    def test_update_rewrites_derived_memories(self, memory: MemoryController) -> None:
        [turn] = memory.add("My phone is blue.", session_id="s")
        memory.end_session("s")
        memory.update(turn.id, text="My phone is red.")
        derived = [m for m in memory.get_all() if m.granularity is not Granularity.TURN]
        assert derived
        assert not any("blue" in m.text for m in derived)

    def test_unknown_id_and_empty_text_raise(self, memory: MemoryController) -> None:
        [turn] = memory.add("x y z", session_id="s")
        with pytest.raises(MemoryNotFoundError, match="nope"):
            memory.update("nope", text="y")
        with pytest.raises(EmptyTextError):
            memory.update(turn.id, text=" ")
        assert memory.get(turn.id).text == "x y z"


class TestDelete:
    def test_removes_the_memory_and_derived_memories(self, memory: MemoryController) -> None:
        secret, _ = memory.add(["My code is 4711.", "I like tea."], session_id="s")
        memory.end_session("s")
        memory.update(secret.id, text="My code is 4712.")
        memory.delete(secret.id)
        assert not any("471" in m.text for m in memory.get_all(limit=None))
        assert any(m.granularity is Granularity.SUMMARY for m in memory.get_all())
        assert memory.check().ok
        with pytest.raises(MemoryNotFoundError):
            memory.get(secret.id)

    def test_removes_edges_to_the_memory(self, memory: MemoryController) -> None:
        [first] = memory.add("My beagle Biscuit loves the beach.", session_id="a")
        [second] = memory.add("My beagle Biscuit loves the beach a lot.", session_id="b")
        assert memory.graph().has_edge(first.id, second.id)
        memory.delete(first.id)
        assert memory.get(second.id).edges == ()
        assert memory.check().ok

    def test_delete_all_deletes_one_scope(self, memory: MemoryController) -> None:
        memory.add("Mine.", session_id="s")
        memory.add("Theirs.", session_id="s", scope=BEN)
        assert memory.delete_all() == 1
        assert memory.get_all() == []
        assert texts(memory.get_all(scope=BEN)) == ["Theirs."]


class TestCompact:
    def test_compact_leaves_no_byte_of_deleted_memories(
        self, embeddings: Embeddings, tmp_path: Path
    ) -> None:
        with MemoryController.open(tmp_path / "m", scope=ADA, embeddings=embeddings) as memory:
            secret, _ = memory.add(["My code is Zanzibar4711.", "I like tea."], session_id="s")
            memory.end_session("s")
            vector = memory.services.store.get(ADA, Granularity.TURN, [secret.id])[
                0
            ].vector.tobytes()
            memory.delete(secret.id)
            memory.compact()
        contents = [file.read_bytes() for file in (tmp_path / "m").rglob("*") if file.is_file()]
        assert not any(b"Zanzibar" in data or vector in data for data in contents)


class TestScopes:
    def test_scopes_do_not_mix(self, memory: MemoryController) -> None:
        memory.add("Ada's cat is Tom.", session_id="s")
        [other] = memory.add("Ben's cat is Jerry.", session_id="s", scope=BEN)
        assert texts(h.memory for h in memory.search("cat", k=9)) == ["Ada's cat is Tom."]
        with pytest.raises(MemoryNotFoundError):
            memory.get(other.id)

    @pytest.mark.parametrize("user", ["", " ", "*", "a\0b", "x" * 600])
    def test_a_scope_names_exactly_one_owner(self, user: str) -> None:
        with pytest.raises(InvalidScopeError):
            Scope(user)

    def test_a_call_without_a_scope_raises(self, embeddings: Embeddings) -> None:
        with (
            MemoryController(InMemoryStore(), embeddings=embeddings) as memory,
            pytest.raises(InvalidScopeError, match="scope="),
        ):
            memory.add("x")


class TestForgetting:
    def test_archived_memories_become_active_when_recalled(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [turn] = memory.add("I sold my grandmother's piano.", session_id="s")
        clock.advance(days=400)
        assert turn.id in memory.sweep().archived
        assert memory.get(turn.id).state is State.ARCHIVED
        assert memory.search("What is the capital of France?", reinforce=False)[0].archived
        assert memory.get(turn.id).state is State.ARCHIVED
        hits = memory.search("piano", include_archived=True)
        assert hits[0].memory.id == turn.id
        assert memory.get(turn.id).state is State.ACTIVE
        assert memory.search("piano")[0].memory.id == turn.id

    def test_a_recall_strengthens_after_the_search(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [turn] = memory.add("I sold my grandmother's piano.", session_id="s")
        clock.advance(days=7)
        hit = memory.search("piano")[0]
        assert hit.memory.recall_count == 0
        recalled = memory.get(turn.id)
        assert recalled.recall_count == 1
        assert recalled.last_recalled_at == clock()
        assert recalled.strength > turn.strength

    def test_recalls_a_week_apart_strengthen_more(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [once] = memory.add("Tea with milk.", session_id="s")
        memory.search("tea")
        clock.advance(minutes=1)
        memory.search("tea")
        massed = memory.get(once.id).strength / once.strength
        memory.reset()
        [twice] = memory.add("Tea with milk.", session_id="s")
        memory.search("tea")
        clock.advance(days=7)
        memory.search("tea")
        assert memory.get(twice.id).strength / twice.strength > massed * 1.1

    def test_as_of_and_reinforce_false_strengthen_nothing(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        [turn] = memory.add("Tea with milk.", session_id="s")
        clock.advance(days=7)
        memory.search("tea", as_of=clock())
        memory.search("tea", reinforce=False)
        assert memory.get(turn.id) == turn

    def test_feedback_strengthens_cited_memories(
        self, memory: MemoryController, clock: ManualClock
    ) -> None:
        cited, other = memory.add(["I drink tea.", "I drink coffee."], session_id="s")
        hits = memory.search("drink", reinforce=False)
        memory.feedback(hits, cited=[cited.id])
        assert memory.get(cited.id).strength > cited.strength
        assert memory.get(other.id).strength == other.strength
        with pytest.raises(MemoryNotFoundError):
            memory.feedback(hits, cited=["stranger"])

    def test_hits_of_another_scope_change_nothing_with_the_same_ids(
        self, memory: MemoryController, tmp_path: Path
    ) -> None:
        bob = Scope("bob")
        memory.add("I drink tea.", session_id="s", scope=bob)
        memory.export(tmp_path / "bob.jsonl", scope=bob)
        memory.import_(tmp_path / "bob.jsonl")
        before = memory.get_all(limit=None)
        hits = memory.search("drink", scope=bob, reinforce=False)
        memory.reinforce(hits)
        memory.feedback(hits, cited=[hit.memory.id for hit in hits])
        memory.flush()
        assert hits
        assert memory.get_all(limit=None) == before
        assert memory.learned().citations == 0


class TestAddMany:
    TOLD: ClassVar[dict[str, list[str]]] = {
        "dog": ["I adopted a beagle called Biscuit.", "He sleeps on the sofa."],
        "tax": ["The tax office wrote to me again.", "It is about the beagle."],
    }

    def test_writes_the_same_as_add_and_end_session(
        self, memory: MemoryController, embeddings: Embeddings, clock: ManualClock
    ) -> None:
        other = MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings, clock=clock)
        for session, texts in self.TOLD.items():
            other.add(texts, session_id=session)
            other.end_session(session)

        memory.add_many(self.TOLD)

        def kept_by(controller: MemoryController) -> list[tuple[str, str, int, str]]:
            memories = controller.get_all(limit=None)
            return sorted((m.granularity, m.session_id, m.position, m.text) for m in memories)

        assert kept_by(memory) == kept_by(other)
        assert memory.stats().sessions == 2

    def test_adding_again_writes_new_messages_only(self, memory: MemoryController) -> None:
        named = {"dog": [{"role": "user", "content": "I have a beagle.", "id": "1"}]}
        assert len(memory.add_many(named)) == 1
        assert memory.add_many(named) == []
        assert memory.add_many({"dog": [], "tax": ["A letter came."]})[0].session_id == "tax"


class TestConsolidate:
    def test_merged_duplicates_leave_one_active_memory_with_sources(
        self, memory: MemoryController
    ) -> None:
        for n in range(3):
            memory.add("My sister lives in Oslo.", session_id=f"s{n}")
        report = memory.consolidate()
        assert len(report.merged) == 2
        hits = memory.search("Where does my sister live?", k=5)
        assert len(hits) == 1
        assert set(hits[0].memory.sources) == set(report.merged)
        assert not memory.consolidate().merged

    def test_ends_sessions_left_open_by_a_crash(self, embeddings: Embeddings) -> None:
        store = InMemoryStore()
        crashed = MemoryController(store, scope=ADA, embeddings=embeddings, linger=None)
        crashed.add("I was cut off.", session_id="s")
        memory = MemoryController(store, scope=ADA, embeddings=embeddings)
        assert memory.consolidate().ended == ("s",)


class TestSearch:
    def test_rejects_invalid_arguments(self, memory: MemoryController) -> None:
        memory.add("x y z", session_id="s")
        with pytest.raises(EmptyTextError):
            memory.search("  ")
        with pytest.raises(InvalidInputError, match="k=0"):
            memory.search("x", k=0)
        with pytest.raises(NaiveDatetimeError):
            memory.search("x", as_of=datetime(2026, 1, 1))  # noqa: DTZ001

    def test_an_empty_scope_has_no_hits(self, memory: MemoryController) -> None:
        recall = memory.search("anything")
        assert len(recall) == 0
        assert recall.confidence < 0.2

    def test_confidence_is_low_where_no_memory_answers(self, memory: MemoryController) -> None:
        memory.add(
            ["I adopted a beagle called Biscuit.", "My sister Clara lives in Porto."],
            session_id="s",
        )
        answered = memory.search("Where does my sister Clara live?").confidence
        for question in ("Who won the chess tournament?", "How does a diesel engine work?"):
            assert memory.search(question).confidence < min(0.1, answered / 2)

    def test_contributions_sum_to_the_score(self, memory: MemoryController) -> None:
        memory.add(["I adopted a beagle.", "I sold a car."], session_id="s")
        memory.end_session("s")
        recall = memory.search("Do I have a dog?", explain=True)
        for hit in recall:
            assert sum(hit.contributions.values()) == pytest.approx(hit.score)
        assert sum(recall.routing.weights.values()) == pytest.approx(1)
        assert [m.text for m in recall[0].context] == ["I adopted a beagle.", "I sold a car."]

    def test_returns_k_hits_where_k_exist(self, memory: MemoryController) -> None:
        memory.add([f"Thing {i} happened." for i in range(12)], session_id="s")
        assert len(memory.search("something else entirely", k=12)) == 12

    @pytest.mark.parametrize("granularity", [g for g in Granularity if g.of_session])
    def test_ranks_any_granularity(
        self, memory: MemoryController, granularity: Granularity
    ) -> None:
        memory.add("I adopted a beagle called Biscuit.", session_id="dog")
        memory.add("The tax office wrote to me again.", session_id="tax")
        memory.end_session("tax")
        hits = memory.search("my dog", granularity=granularity)
        assert hits[0].memory.granularity is granularity
        assert hits[0].memory.session_id == "dog"

    def test_routing_weighs_granularities_of_sessions(self, embeddings: Embeddings) -> None:
        def parts(settings: SearchSettings) -> set[str]:
            with MemoryController(
                InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, settings=settings
            ) as memory:
                memory.add("I adopted a beagle called Biscuit.", session_id="dog")
                memory.add("The tax office wrote to me again.", session_id="tax")
                memory.end_session("tax")
                [hit, _] = memory.search("my dog", granularity=Granularity.SESSION, explain=True)
                assert hit.memory.session_id == "dog"
                return set(hit.contributions)

        assert parts(SearchSettings()) == {"turns"}
        routed = parts(SearchSettings(routed=True))
        assert routed == {"turns", "session", "summary", "keywords"}

    @pytest.mark.parametrize(
        ("question", "tense"),
        [
            ("When did we go to the museum?", "went"),
            ("When are we going to the museum?", "will go"),
            ("When did we plan to go to the museum?", "will go"),
        ],
    )
    def test_past_and_future_are_distinguished(
        self, memory: MemoryController, question: str, tense: str
    ) -> None:
        memory.add(
            ["We went to the museum last weekend.", "We will go to the museum next weekend."],
            session_id="s",
        )
        assert tense in memory.search(question)[0].memory.text


async def _twins(memory: MemoryController) -> list[str]:
    await memory.aadd("I adopted a beagle called Biscuit.", session_id="s")
    await memory.aend_session("s")
    hits = await memory.asearch("dog")
    return texts(h.memory for h in hits)


def test_async_versions_return_the_same(memory: MemoryController) -> None:
    import asyncio

    assert asyncio.run(_twins(memory)) == ["I adopted a beagle called Biscuit."]


def test_closing_after_the_store_raises_nothing(
    embeddings: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With nothing pending, there is nothing that a closed store could lose."""
    monkeypatch.setattr("agentmem_retrievers.index.persistence.IndexPersistence.min_size", 1)
    store = ChromaStore.open(tmp_path / "store")
    memory = MemoryController(store, embeddings=embeddings, scope=Scope("ada"))
    memory.add("I moved to Rome.", session_id="s1")
    memory.end_session("s1")
    memory.search("Where do I live?", reinforce=False)
    store.close()
    memory.close()
