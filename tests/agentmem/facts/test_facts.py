"""Facts and the portrait through the controller, with the real embedder."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage

from agentmem import Granularity, InMemoryStore, MemoryController, Scope, State
from agentmem.testing import ManualClock, ScriptedChatModel

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ADA, BEN = Scope("ada"), Scope("ben")


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(),
        scope=ADA,
        embeddings=embeddings,
        clock=ManualClock(START + timedelta(days=100)),
        rng=random.Random(7),
        linger=None,
    ) as controller:
        yield controller


def tell(memory: MemoryController, session: str, *texts: str, day: int = 0) -> list[str]:
    turns = memory.add(list(texts), session_id=session, timestamp=START + timedelta(days=day))
    memory.end_session(session)
    return [turn.id for turn in turns]


def known(memory: MemoryController) -> list[str]:
    return [line.text for line in memory.profile()]


class TestUpdates:
    def test_a_newer_value_takes_the_place_of_the_older(self, memory: MemoryController) -> None:
        tell(memory, "a", "I live in Oslo.")
        tell(memory, "b", "We have moved to Rome.", day=30)
        [now] = memory.facts(attribute="home")
        assert (now.subject, now.value, now.date) == ("user", "Rome", START + timedelta(days=30))
        old, new = memory.facts(attribute="home", superseded=True)
        assert old.memory.state is State.SUPERSEDED
        assert (old.superseded_by, new.supersedes) == ((new.id,), (old.id,))

    def test_as_of_the_past_the_old_value_holds(self, memory: MemoryController) -> None:
        tell(memory, "a", "I live in Oslo.")
        tell(memory, "b", "We have moved to Rome.", day=30)
        [then] = memory.facts(attribute="home", as_of=START + timedelta(days=10))
        assert then.value == "Oslo"
        question, past = "Where do I live?", START + timedelta(days=10)
        assert "Oslo" in memory.search(question, as_of=past)[0].memory.text
        assert "Rome" in memory.search(question)[0].memory.text

    def test_what_a_long_turn_says_at_its_end_is_found(self, memory: MemoryController) -> None:
        # More than the embedder reads, of nothing that facts are about.
        weather = "Then clouds came up over the hills and the wind turned once more. " * 30
        tell(memory, "a", f"{weather}I live in Oslo.")
        assert [fact.value for fact in memory.facts(attribute="home")] == ["Oslo"]

    def test_statements_about_others_change_nothing(self, memory: MemoryController) -> None:
        tell(memory, "a", "I work as a baker.")
        tell(memory, "b", "My sister works as a nurse.", day=30)
        assert [(f.subject, f.value) for f in memory.facts(attribute="job")] == [
            ("user", "baker"),
            ("sister", "nurse"),
        ]
        assert "baker" in memory.search("What is my job?")[0].memory.text

    def test_values_of_one_moment_contradict_each_other(self, memory: MemoryController) -> None:
        memory.add("I live in Oslo.", session_id="a", timestamp=START)
        memory.add("I live in Rome.", session_id="a", timestamp=START)
        memory.end_session("a")
        one, other = memory.facts(attribute="home")
        assert (one.contradicts, other.contradicts) == ((other.id,), (one.id,))

    def test_attributes_with_many_values_keep_all(self, memory: MemoryController) -> None:
        tell(memory, "a", "I am allergic to nuts.")
        tell(memory, "b", "I am allergic to pollen.", day=3)
        tell(memory, "c", "As you know, I am allergic to nuts.", day=6)
        assert sorted(f.value for f in memory.facts(attribute="allergy")) == ["nuts", "pollen"]

    def test_the_past_is_asked_for_as_it_was(self, memory: MemoryController) -> None:
        tell(memory, "a", "I live in Oslo, near the old harbour.")
        tell(memory, "b", "We have moved to Rome.", day=30)
        hits = memory.search("Where near the old harbour did I live?", explain=True)
        assert "Oslo" in hits[0].memory.text
        assert all(sum(h.contributions.values()) == pytest.approx(h.score) for h in hits)


class TestForgetting:
    def test_a_deleted_turn_leaves_no_fact_and_revives_what_it_replaced(
        self, memory: MemoryController
    ) -> None:
        tell(memory, "a", "I live in Oslo.")
        [moved] = tell(memory, "b", "We have moved to Rome.", day=30)
        memory.delete(moved)
        assert known(memory) == ["home: Oslo"]
        assert "Rome" not in json.dumps([m.text for m in memory.get_all(limit=None)])
        assert memory.check().ok

    def test_a_deleted_line_does_not_come_back(self, memory: MemoryController) -> None:
        tell(memory, "a", "I live in Oslo. I drive a Volvo.")
        tell(memory, "b", "We have moved to Rome.", day=30)
        [home] = memory.facts(attribute="home")
        memory.delete(home.id)
        tell(memory, "a", "Good night.", day=40)
        tell(memory, "b", "Good morning.", day=40)
        assert known(memory) == ["car: Volvo"]

    def test_an_edited_line_is_kept_when_its_turn_is_read_again(
        self, memory: MemoryController
    ) -> None:
        [turn] = tell(memory, "a", "I drive a Volvo.")
        [car] = memory.facts(attribute="car")
        memory.update(car.id, text="Drives an old Volvo 240")
        tell(memory, "a", "It rains.", day=2)
        assert known(memory) == ["Drives an old Volvo 240"]
        assert [m.text for m in memory.history(car.id)] == [
            "I drive a Volvo.",
            "Drives an old Volvo 240",
        ]
        memory.delete(turn)
        assert known(memory) == []
        assert memory.get_all(granularity=Granularity.FACT, limit=None) == []

    def test_a_deleted_turn_leaves_no_trace_in_anything_made_of_it(
        self, memory: MemoryController, tmp_path: Path
    ) -> None:
        for day in range(12):
            tell(memory, f"s{day}", f"The garden on day {day}.", "I bought seeds.", day=day)
        [turn] = tell(memory, "z", "I live in Zanzibar.", day=12)
        memory.consolidate()
        hits = memory.search("Where do I live?", reinforce=False)
        memory.feedback(hits, cited=[turn])

        def told() -> dict[Granularity, int]:
            held = {g: memory.get_all(granularity=g, limit=None) for g in Granularity}
            return {
                g: n
                for g, found in held.items()
                if (n := sum("Zanzibar" in m.text or turn in m.sources for m in found))
            }

        def shown() -> list[str]:
            lines = memory.profile()
            return [p.section for p in lines if "zanzibar" in p.text.lower() or turn in p.sources]

        assert {"fact", "day", "topic", "summary"} <= {g.value for g in told()}
        assert shown() == ["places", "topics"]
        assert memory.learned().citations == 1
        memory.delete(turn)
        assert told() == {}
        assert shown() == []
        assert memory.learned().citations == 0
        assert not any("Zanzibar" in event.text for event in memory.timeline(k=50))
        memory.export(tmp_path / "after.jsonl")
        left = (tmp_path / "after.jsonl").read_text()
        assert "zanzibar" not in left.lower()
        assert turn not in left
        assert memory.check().ok


class TestPortrait:
    def test_lines_stand_in_sections_with_their_sources(self, memory: MemoryController) -> None:
        [work, food, sister] = tell(
            memory, "a", "I work as a baker.", "My favourite food is ramen.",
            "My sister lives in Oslo.",
        )  # fmt: skip
        assert [(p.section, p.text, p.sources) for p in memory.profile()] == [
            ("work", "job: baker", (work,)),
            ("people", "sister, home: Oslo", (sister,)),
            ("preferences", "favourite food: ramen", (food,)),
        ]
        assert len(memory.profile(limit=2)) == 2
        assert memory.profile(scope=BEN) == []

    def test_a_portrait_travels(
        self, memory: MemoryController, embeddings: Embeddings, tmp_path: Path
    ) -> None:
        tell(memory, "a", "I live in Oslo.")
        tell(memory, "b", "We have moved to Rome.", day=30)
        memory.export(tmp_path / "out.jsonl")
        with MemoryController(InMemoryStore(), scope=BEN, embeddings=embeddings) as other:
            other.import_(tmp_path / "out.jsonl")
            assert known(other) == ["home: Rome"]
            assert other.check().ok


class TestWithAModel:
    def answer(self, embeddings: Embeddings, text: str) -> list[str]:
        model = ScriptedChatModel([AIMessage(text)] * 2)
        with MemoryController(
            InMemoryStore(), scope=ADA, embeddings=embeddings, model=model
        ) as memory:
            tell(memory, "a", "Home is Rome for the two of us, and Rex barks at everyone.")
            return sorted(f"{f.attribute}: {f.value}" for f in memory.facts())

    def test_model_facts_are_accepted_if_the_turn_states_them(self, embeddings: Embeddings) -> None:
        facts = [
            {"turn": 0, "subject": "user", "attribute": "place of living", "value": "Rome"},
            {"turn": 0, "subject": "user", "attribute": "pet", "value": "Rex"},
        ]
        assert self.answer(embeddings, json.dumps({"facts": facts})) == ["home: Rome", "pet: Rex"]

    @pytest.mark.parametrize(
        "text",
        [
            "I know nothing.",
            '{"facts": 7}',
            '{"facts": [{"turn": 9, "subject": "user", "attribute": "home", "value": "Rome"}]}',
            '{"facts": [{"turn": 0, "subject": "user", "attribute": "home", "value": "Paris"}]}',
            '{"facts": [{"turn": 0, "subject": "Zoe", "attribute": "home", "value": "Rome"}]}',
        ],
    )
    def test_anything_else_changes_nothing(
        self, embeddings: Embeddings, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, logger="agentmem"):
            found = self.answer(embeddings, text)
        assert "the model found no facts" in caplog.text
        with MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings) as without:
            tell(without, "a", "Home is Rome for the two of us, and Rex barks at everyone.")
            assert found == sorted(f"{f.attribute}: {f.value}" for f in without.facts())
