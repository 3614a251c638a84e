"""An overview is about whole sessions and topics, also where a turn has no word of the question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import Granularity, InMemoryStore, Memory, MemoryController, Scope
from agentmem.recall.smoothing import likeliest_turns
from agentmem.testing import ManualClock

ADA = Scope("ada")
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    """A session about a garden, and one about a printer."""
    clock = ManualClock(START)
    with MemoryController(
        InMemoryStore(), scope=ADA, embeddings=embeddings, clock=clock
    ) as controller:
        for session, texts in {
            "garden": [
                *(f"The tomato bed number {n} needs compost and straw." for n in range(6)),
                *(f"The goldfish pond pump number {n} leaks water." for n in range(6)),
            ],
            "office": [f"The office printer tray {n} is jammed." for n in range(6)],
        }.items():
            for text in texts:
                controller.add(text, session_id=session)
                clock.advance(minutes=1)
            controller.end_session(session)
        yield controller


def likeliest(
    memory: MemoryController,
    query: str,
    k: int,
    n: int,
    as_of: datetime | None = None,
    *,
    with_topics: bool = True,
) -> list[Memory]:
    hits = memory.search(query, k=k, reinforce=False, as_of=as_of).hits
    index = memory.services.memories.index(ADA)
    shares = [1 / k] * k
    ids = likeliest_turns(index, hits, shares, as_of=as_of, at_most=n, with_topics=with_topics)
    assert len(ids) == len(set(ids))
    return [memory.get(i) for i in ids]


def test_the_session_of_the_hits_comes_before_others(memory: MemoryController) -> None:
    turns = likeliest(memory, "tomato bed", k=2, n=12)
    assert all("tomato bed" in turn.text for turn in turns[:2])
    assert [turn.session_id for turn in turns] == ["garden"] * 12
    rest = [turn.position for turn in turns[2:]]
    assert rest == sorted(rest)


def test_within_a_long_session_the_topic_of_the_hits_comes_first(embeddings: Embeddings) -> None:
    beds = [f"The tomato bed number {n} needs compost and straw." for n in range(60)]
    pond = [f"The goldfish pond pump number {n} leaks water." for n in range(60)]
    with MemoryController(InMemoryStore(), scope=ADA, embeddings=embeddings) as memory:
        memory.add([*beds, *pond], session_id="garden")
        memory.end_session("garden")
        memory.consolidate()
        topics = memory.get_all(granularity=Granularity.TOPIC)
        turns = likeliest(memory, "goldfish pond pump", k=2, n=30)
        of_topic = {i for topic in topics if turns[0].id in topic.sources for i in topic.sources}
        inside = [turn.id in of_topic for turn in turns]
        assert sum(inside) > 2
        assert inside == sorted(inside, reverse=True)
        without = likeliest(memory, "goldfish pond pump", k=2, n=30, with_topics=False)
        assert all("tomato" in turn.text for turn in without[2:])


def test_what_was_said_later_is_left_out(memory: MemoryController) -> None:
    moment = START + timedelta(minutes=3, seconds=30)
    turns = likeliest(memory, "tomato bed", k=2, n=12, as_of=moment)
    assert len(turns) == 4
    assert all(turn.said_at <= moment for turn in turns)
