"""Questions for a current value, and the statements that may answer them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agentmem_retrievers.engine import Query, SearchEngine
from agentmem_retrievers.index.fact_index import AttributeKey, FactIndex, FactRecord
from agentmem_retrievers.index.indexed_store import IndexedStore
from agentmem_retrievers.ranking.latest_value import (
    keys_on_the_way,
    matching_keys,
    newest_first,
)
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.text.question import Question
from agentmem_stores import (
    Batch,
    EmbedderSpec,
    Entry,
    Granularity,
    InMemoryStore,
    Memory,
    Scope,
    Vectors,
)

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def question_of(text: str) -> Question:
    return Question(text, ())


@pytest.mark.parametrize(
    ("text", "now", "then"),
    [
        ("Where do I live?", True, True),
        ("Where did I live?", False, True),
        ("Where did I live before?", False, False),
        ("When do I get up?", True, True),
        ("When have I got up late?", False, False),
        ("How old am I?", True, True),
        ("What animal did I get most recently?", True, True),
    ],
)
def test_asks_for_the_present_or_as_of_a_moment(text: str, now: bool, then: bool) -> None:
    assert question_of(text).asks_for_present() is now
    assert question_of(text).asks_for_present(as_of=True) is then


@pytest.mark.parametrize(
    ("text", "of_user"),
    [
        ("Who is my boss?", True),
        ("Where does the user work?", True),
        ("What is my brother's job?", False),
        ("What is his job?", False),
    ],
)
def test_asks_of_user(text: str, of_user: bool) -> None:
    assert question_of(text).asks_of_user is of_user


def statement(text: str, day: int, *vector: float) -> Entry:
    memory = Memory(
        id=f"m{day}",
        scope=Scope("ada"),
        granularity=Granularity.TURN,
        text=text,
        session_id="s",
        said_at=START + timedelta(days=day),
        written_at=START + timedelta(days=day),
        role="user",
    )
    return Entry(memory, np.array(vector, dtype=np.float32))


def fact(subject: str, attribute: str, value: str) -> Memory:
    record = FactRecord(subject, attribute, value, START.isoformat())
    memory = statement(f"{subject} {attribute} {value}", len(value)).memory
    return replace(
        memory,
        id=f"{subject} {attribute}",
        granularity=Granularity.FACT,
        sources=(f"turn {subject} {attribute}",),
        metadata=record.metadata(),
    )


class TestMatchingKeys:
    def facts(self) -> FactIndex:
        facts = FactIndex()
        for subject, attribute, value in (
            ("user", "home", "Oslo"),
            ("user", "holiday home", "Crete"),
            ("user", "work phone number", "555-0100"),
            ("wife Ada", "office", "Narvik"),
        ):
            facts.put(fact(subject, attribute, value))
        return facts

    @pytest.mark.parametrize(
        ("asked_for", "keys"),
        [
            (("user", "home"), [("user", "home")]),
            (("user", "phone number"), [("user", "work phone number")]),
            (("wife", "office"), [("wife Ada", "office")]),
            (("user", "office"), []),
        ],
    )
    def test_a_question_asks_for_what_facts_state(
        self, asked_for: tuple[str, str], keys: list[tuple[str, str]]
    ) -> None:
        assert matching_keys([AttributeKey(*asked_for)], self.facts()) == keys

    @pytest.mark.parametrize(
        ("question", "keys"),
        [
            ("Who painted my holiday home?", [("user", "holiday home")]),
            ("Is our home insured?", []),
            ("Does our home leak?", [("user", "home")]),
            ("How is my home's roof?", [("user", "home")]),
            ("What is my home phone number?", []),
            ("How is the home?", []),
            ("Where is my homework?", []),
            ("Where is my office?", []),
        ],
    )
    def test_a_question_names_attributes_of_the_user_on_its_way(
        self, question: str, keys: list[tuple[str, str]]
    ) -> None:
        assert keys_on_the_way(question, self.facts()) == keys

    def test_many_attributes_take_no_time(self) -> None:
        facts = FactIndex()
        for n in range(2000):
            facts.put(fact("user", f"thing {n}", "Oslo"))
        start = time.process_time()
        assert keys_on_the_way("Where does my thing 7 live?", facts) == [("user", "thing 7")]
        assert time.process_time() - start < 0.1

    def test_a_record_of_an_earlier_form_is_not_indexed(self) -> None:
        facts = FactIndex()
        old = fact("user", "home", "Oslo")
        stored = {k: v for k, v in old.metadata["fact"].items() if k != "form"}
        facts.put(replace(old, metadata={"fact": stored}))
        assert facts.keys() == []
        facts.put(replace(old, metadata={"fact": stored}, version=2))
        assert facts.keys() == [("user", "home")]


class TestNewestFirst:
    def ranked(self) -> Ranking:
        scores = np.array([3.0, 2.0, 1.0, 0.5])
        return Ranking(np.array([10, 11, 12, 13]), scores, {"rest": scores})

    def test_lifts_the_newest_statement(self) -> None:
        ordered = newest_first(self.ranked(), [13, 14, 11, 12], lift=True)
        assert ordered.rows.tolist() == [12, 10, 11, 14, 13]
        assert np.all(np.diff(ordered.scores) <= 0)
        sums = ordered.parts["rest"] + ordered.parts["currency"]
        assert sums.tolist() == ordered.scores.tolist()

    def test_without_lift_statements_keep_their_places(self) -> None:
        ordered = newest_first(self.ranked(), [11, 12], lift=False)
        assert ordered.rows.tolist() == [10, 12, 11, 13]
        assert ordered.scores.tolist() == self.ranked().scores.tolist()


class HomeModel:
    """Takes every question and statement for one about a home."""

    names = ("home",)

    def load(self) -> None:
        """Nothing takes long."""

    def attributes_asked(self, question: Vectors) -> dict[str, float]:
        return {"home": 0.9}

    def attribute_probabilities(self, vectors: Vectors) -> Vectors:
        return np.full((len(vectors), 1), 0.9, dtype=np.float32)

    def framing(self, name: str) -> frozenset[str]:
        return frozenset()


@pytest.mark.parametrize(("speaker", "first"), [(None, "m2"), ("Ada", "m1"), ("Will", "m1")])
def test_only_statements_of_the_user_compete(speaker: str | None, first: str) -> None:
    """What people with names say is not the user's, also if the name is a word of no meaning."""
    store = InMemoryStore(EmbedderSpec("drawn", 2))
    memories = IndexedStore(store)
    said = [statement("I live in Oslo.", 1, 1.0, 0.0), statement("I live in Rome.", 2, 0.6, 0.8)]
    put = [replace(each, memory=replace(each.memory, speaker=speaker)) for each in said]
    memories.write(Batch(Scope("ada"), put=put))
    engine = SearchEngine(memories, attribute_model=HomeModel())
    vector = np.array([1.0, 0.0], dtype=np.float32)
    query = Query("Where do I live?", lambda _: vector, START + timedelta(days=9))
    assert engine.search(Scope("ada"), query).hits[0].memory.id == first
