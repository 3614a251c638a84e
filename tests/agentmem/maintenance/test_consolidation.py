"""Consolidation: its results, and that an interrupted run loses nothing."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import enumerate as threads
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import (
    ChromaStore,
    Granularity,
    InMemoryStore,
    InvalidInputError,
    MemoryController,
    MemoryStore,
    Scope,
    State,
)
from agentmem.embedding.embedder import Embedder
from agentmem.testing import ManualClock, ScriptedChatModel
from agentmem_stores import Batch

ADA = Scope("ada")
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

CONVERSATION = {
    "garden": "I planted tomatoes in the greenhouse. The roses need pruning before the frost. "
    "My compost heap is full of worms. The slugs ate all the lettuce. I ordered tulip bulbs.",
    "music": "I practise the cello every evening. Our quartet rehearses Schubert on Mondays. "
    "I broke a string during the concert. My teacher says my bowing is too stiff. "
    "We play Brahms at the church in March.",
    "dog": "My beagle Biscuit chewed a slipper. The vet vaccinated Biscuit against rabies. "
    "Biscuit chases squirrels in the park. Puppy school begins on Saturday. "
    "Biscuit sleeps on the sofa all day.",
    "work": "My manager moved the deadline to June. The database migration failed twice. "
    "We hired two engineers from Madrid. I present the budget to the board. "
    "The office has new standing desks.",
}
REPEATED = "My dog is called Biscuit."


def add_conversation(memory: MemoryController) -> None:
    """Add four days, each about its own subject, and one sentence that is said on all of them."""
    for day, text in enumerate(CONVERSATION.values()):
        memory.add(
            [f"{sentence.rstrip('.')}." for sentence in text.split(". ")] + [REPEATED],
            session_id=f"day{day}",
            timestamp=START + timedelta(days=day),
        )
    memory.end_session()


@contextmanager
def opened(
    embeddings: Embeddings, store: MemoryStore | None = None, **options: Any
) -> Iterator[MemoryController]:
    with MemoryController(
        store or InMemoryStore(),
        scope=ADA,
        embeddings=embeddings,
        clock=ManualClock(START + timedelta(days=9)),
        rng=random.Random(7),
        linger=None,
        **options,
    ) as memory:
        yield memory


def content(memory: MemoryController) -> dict[str, object]:
    """Return everything of each memory but when it was written."""
    return {
        m.id: (m.granularity, m.text, m.sources, m.state, m.strength, m.edges, dict(m.metadata))
        for m in memory.get_all(limit=None)
    }


class TestResults:
    def test_topics_cover_every_turn_once_and_are_searchable(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            report = memory.consolidate()
            topics = memory.topics()
            assert report.finished
            assert {t.id for t in topics} == set(report.topics)
            assert len(topics) >= 2
            covered = [source for topic in topics for source in topic.sources]
            turns = memory.get_all(limit=None, granularity=Granularity.TURN)
            assert sorted(covered) == sorted(t.id for t in turns if t.state is State.ACTIVE)
            assert "cello" in memory.topics("practising an instrument", k=1)[0].text

    def test_days_summarize_their_turns(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate()
            days = memory.get_all(granularity=Granularity.DAY)
            assert [d.text[:10] for d in days] == [f"2026-01-0{n}" for n in (5, 6, 7, 8)]
            assert "tomatoes" in days[0].text
            hits = memory.search("cello practice", granularity=Granularity.DAY, k=1)
            assert hits[0].memory.id == days[1].id

    def test_topics_and_days_do_not_change_a_search(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            memory.add(CONVERSATION["garden"].split(". "), session_id="s")
            memory.add(CONVERSATION["music"].split(". "), session_id="t")
            memory.end_session("t")
            before = memory.search("What did I plant?", k=9, explain=True, reinforce=False)
            memory.consolidate()
            after = memory.search("What did I plant?", k=9, explain=True, reinforce=False)
            assert [(h.memory.id, h.score) for h in before] == [
                (h.memory.id, h.score) for h in after
            ]
            assert before.routing == after.routing

    def test_repeated_conversation_is_merged(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            messages = [{"role": "user", "content": s} for s in CONVERSATION["dog"].split(". ")]
            messages.insert(1, {"role": "assistant", "content": "Oh no! Which one?"})
            for session in ("first", "again"):
                memory.add(messages, session_id=session)
            memory.consolidate()
            turns = memory.get_all(granularity=Granularity.TURN)
            active = [t for t in turns if t.state is State.ACTIVE]
            assert sorted(t.text for t in active) == sorted(str(m["content"]) for m in messages)
            assert all(len(t.sources) == 1 for t in active)

    def test_weak_unused_and_redundant_turns_are_archived_first(
        self, embeddings: Embeddings
    ) -> None:
        with opened(embeddings) as memory:
            memory.add("My tomatoes grow in the greenhouse.", session_id="s", timestamp=START)
            memory.add("My tomatoes grow tall in the greenhouse.", session_id="s", timestamp=START)
            memory.add("I play the cello.", session_id="s", importance=1.0)
            memory.search("What do I play?", k=1)
            report = memory.consolidate(keep=2)
            assert len(report.archived) == 1
            assert "tomatoes" in memory.get(report.archived[0]).text
            assert not memory.consolidate(keep=2).archived


class TestTopicsInTheProfile:
    def lines(self, memory: MemoryController) -> dict[str, str]:
        return {line.id: line.text for line in memory.profile() if line.section == "topics"}

    def test_each_topic_is_a_line_with_its_turns_and_retention(
        self, embeddings: Embeddings
    ) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            assert not self.lines(memory)
            memory.consolidate()
            lines = [line for line in memory.profile() if line.section == "topics"]
            assert [(line.id, line.sources) for line in lines] == [
                (topic.id, topic.sources) for topic in memory.topics()
            ]
            assert all(0 < line.retention < 1 for line in lines)
            assert any("biscuit" in line.text.lower() for line in lines)

    def test_deleted_topic_does_not_come_back(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate()
            [dog, *_] = memory.topics("my beagle")
            memory.delete(dog.id)
            memory.consolidate()
            left = memory.topics()
            assert left
            assert not {i for topic in left for i in topic.sources} & set(dog.sources)
            assert self.lines(memory).keys() == {topic.id for topic in left}
            assert all(memory.get(i).text for i in dog.sources)

    def test_edited_topic_survives_a_new_clustering(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate()
            [dog, *_] = memory.topics("my beagle")
            memory.update(dog.id, text="Is fond of a beagle.")
            memory.add(
                [f"I read chapter {n} of a book about sailing." for n in range(20)],
                session_id="later",
            )
            memory.end_session()
            assert memory.consolidate().topics
            assert self.lines(memory)[dog.id] == "Is fond of a beagle."
            covered = [i for topic in memory.topics() for i in topic.sources]
            assert len(covered) == len(set(covered))
            assert len(memory.history(dog.id)) == 2
            assert not memory.consolidate().topics

    def test_edited_topic_is_deleted_with_one_of_its_turns(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate()
            [dog, *_] = memory.topics("my beagle")
            memory.update(dog.id, text="Is fond of a beagle.")
            memory.delete(dog.sources[0])
            memory.consolidate()
            left = json.dumps([[m.text, dict(m.metadata)] for m in memory.get_all(limit=None)])
            assert "fond of" not in left
            assert dog.id not in self.lines(memory)
            assert memory.check().ok


class TestRuns:
    def test_second_run_changes_nothing(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate(keep=18)
            before = content(memory)
            report = memory.consolidate(keep=18)
            assert content(memory) == before
            changes = [report.ended, report.merged, report.topics, report.days, report.archived]
            assert not any(changes)

    def test_result_does_not_depend_on_the_budget(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory, opened(embeddings) as other:
            add_conversation(memory)
            add_conversation(other)
            memory.consolidate()
            runs = 1
            while not other.consolidate(budget=1).finished:
                runs += 1
            assert runs > 6
            assert content(other) == content(memory)

    def test_invalid_answers_of_a_model_fall_back_to_extractive_summaries(
        self, embeddings: Embeddings
    ) -> None:
        garbage = ScriptedChatModel(['{"summary": 7}', "", RuntimeError("no")], repeat=True)
        with opened(embeddings) as memory, opened(embeddings, model=garbage) as other:
            for m in (memory, other):
                add_conversation(m)
                m.consolidate()
            assert content(other) == content(memory)

    def test_progress_is_reported(self, embeddings: Embeddings) -> None:
        class Counter:
            expected, done = 0, 0

            def expect(self, stage: str, count: int) -> None:
                self.expected += count

            def advance(self, stage: str, count: int) -> None:
                self.done += count

        counter = Counter()
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate(progress=counter)
        assert counter.done == counter.expected
        assert counter.done > 6

    def test_negative_budget_raises(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            with pytest.raises(InvalidInputError, match="budget=-1 must be >= 0"):
                memory.consolidate(budget=-1)
            with pytest.raises(InvalidInputError, match="keep=-1 must be >= 0"):
                memory.consolidate(keep=-1)

    def test_deleted_turn_leaves_no_trace(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            memory.consolidate()
            [turn] = [m for m in memory.get_all(granularity=Granularity.TURN) if "tulip" in m.text]
            assert any("tulip" in m.text for m in memory.get_all(limit=None) if m.sources)
            memory.delete(turn.id)
            memory.consolidate()
            left = [json.dumps([m.text, dict(m.metadata), m.sources]) for m in memory.get_all()]
            assert not [text for text in left if "tulip" in text or turn.id in text]
            assert memory.topics()
            assert memory.check().ok


class TestBackground:
    def test_runs_after_the_end_of_a_session(self, embeddings: Embeddings) -> None:
        with opened(embeddings, consolidate_after_session=100) as memory:
            add_conversation(memory)
            assert memory.services.background.wait(60)
            assert memory.topics()
            assert memory.consolidate().finished

    def test_thread_ends_with_the_controller(self, embeddings: Embeddings) -> None:
        store = InMemoryStore()
        with opened(embeddings, store, consolidate_after_session=100) as memory:
            add_conversation(memory)
        assert not [t for t in threads() if t.name == "agentmem-consolidate"]

    def test_is_off_by_default(self, embeddings: Embeddings) -> None:
        with opened(embeddings) as memory:
            add_conversation(memory)
            assert memory.services.background.wait(0)
            assert not memory.topics()


# Consolidates with recorded vectors, so that it starts quickly, and prints its progress.
CHILD = """
import json, random, sys
from datetime import datetime
from langchain_core.embeddings import Embeddings
from agentmem import ChromaStore, EmbedderSpec, MemoryController, Scope
from agentmem.testing import ManualClock

class Known(Embeddings):
    spec = EmbedderSpec("sentence-transformers/all-MiniLM-L6-v2", 384)
    vectors = json.load(open(sys.argv[2]))
    def embed_documents(self, texts): return [self.vectors[text] for text in texts]
    def embed_query(self, text): return self.vectors[text]

class Printer:
    def expect(self, stage, count): print(stage, flush=True)
    def advance(self, stage, count): print(stage, flush=True)

with MemoryController.open(
    sys.argv[1], scope=Scope("ada"), embeddings=Known(), linger=None,
    clock=ManualClock(datetime.fromisoformat(sys.argv[3])),
) as memory:
    memory.consolidate(progress=Printer())
"""


class RecordingEmbeddings:
    """The real embedder, recording its vectors."""

    def __init__(self, inner: Embeddings) -> None:
        self._inner = inner
        self.vectors: dict[str, list[float]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors = self._inner.embed_documents(texts)
        self.vectors.update(zip(texts, vectors, strict=True))
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self._inner.embed_query(text)


def consolidate_and_kill(
    path: Path, vectors: Path, now: datetime, moment: Callable[[], float]
) -> bool:
    """Consolidate in a process and kill it at a random moment; return whether it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, path, vectors, now.isoformat()],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        for _ in range(int(moment() * 16)):
            process.stdout.readline()
        time.sleep(moment() * 0.03)
        process.kill()
        process.stdout.read()
    return process.returncode != 0


def test_killed_run_is_completed_by_the_next(embeddings: Embeddings, tmp_path: Path) -> None:
    recording = RecordingEmbeddings(embeddings)
    spec = Embedder(embeddings).spec
    with opened(recording, ChromaStore.open(tmp_path / "before", spec, partitions=1)) as memory:  # type: ignore[arg-type]
        add_conversation(memory)
        for day in range(4):
            memory.services.memories.write(
                Batch(ADA, delete=memory.services.sessions.derived_keys(ADA, f"day{day}"))
            )
    shutil.copytree(tmp_path / "before", tmp_path / "whole")
    with opened(recording, ChromaStore.open(tmp_path / "whole", spec)) as memory:  # type: ignore[arg-type]
        memory.consolidate()
        expected = content(memory)
        now = memory.clock()
    (tmp_path / "vectors.json").write_text(json.dumps(recording.vectors))
    moment = random.Random(3).random
    for round_ in range(2):
        path = tmp_path / f"killed{round_}"
        shutil.copytree(tmp_path / "before", path)
        kills = [
            consolidate_and_kill(path, tmp_path / "vectors.json", now, moment) for _ in range(2)
        ]
        assert any(kills)
        with opened(embeddings, ChromaStore.open(path, spec)) as memory:
            turns = memory.get_all(limit=None, granularity=Granularity.TURN)
            assert {t.id for t in turns} <= expected.keys()
            assert len(turns) == 24
            memory.consolidate()
            assert content(memory) == expected
