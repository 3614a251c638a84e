"""Events are ordered by when they happened, not by when they were told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import InMemoryStore, InvalidInputError, MemoryController, NaiveDatetimeError, Scope
from agentmem.testing import ManualClock

NOW = datetime(2026, 5, 8, 9, 0, tzinfo=UTC)
WEDDING = "Last week I went to the wedding of my cousin."
MOVE = "Two months ago I moved to Rome."
HEDGEHOG = "I saw a hedgehog in February."
RAIN = "It rains on everything."


@pytest.fixture(scope="module")
def memory(embeddings: Embeddings) -> Iterator[MemoryController]:
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, clock=ManualClock(NOW)
    ) as controller:
        controller.add([WEDDING, MOVE, RAIN, "And how are you?", HEDGEHOG], session_id="s")
        controller.end_session("s")
        yield controller


def texts_of_events(memory: MemoryController, *args: object, **options: object) -> list[str]:
    return [event.text for event in memory.timeline(*args, **options)]  # type: ignore[arg-type]


def test_events_are_ordered_by_the_time_they_name(memory: MemoryController) -> None:
    events = memory.timeline()
    assert [e.text for e in events] == [HEDGEHOG, MOVE, WEDDING, RAIN]
    assert [f"{e.when:%m-%d}" for e in events] == ["02-01", "03-01", "04-27", "05-08"]
    assert [e.dated for e in events] == [True, True, True, False]


def test_which_came_first_returns_both_events_in_order(memory: MemoryController) -> None:
    question = "What came first, the wedding or the move to Rome?"
    assert texts_of_events(memory, question) == [MOVE, WEDDING]


def test_a_time_in_the_query_restricts_the_events(memory: MemoryController) -> None:
    assert texts_of_events(memory, "What happened last week?") == [WEDDING]
    assert texts_of_events(memory, "What happened between February and March?") == [HEDGEHOG, MOVE]


def test_since_and_until_restrict_the_events(memory: MemoryController) -> None:
    april = datetime(2026, 4, 1, tzinfo=UTC)
    assert texts_of_events(memory, since=april) == [WEDDING, RAIN]
    assert texts_of_events(memory, until=april) == [HEDGEHOG, MOVE]


def test_returns_at_most_k_events(memory: MemoryController) -> None:
    assert texts_of_events(memory, k=2) == [WEDDING, RAIN]
    assert texts_of_events(memory, "animals", k=1) == [HEDGEHOG]


def test_deleted_turns_are_not_events(embeddings: Embeddings) -> None:
    with MemoryController(InMemoryStore(), scope=Scope("ada"), embeddings=embeddings) as memory:
        [turn] = memory.add(MOVE, session_id="s")
        memory.delete(turn.id)
        assert memory.timeline() == []


def test_rejects_invalid_arguments(memory: MemoryController) -> None:
    with pytest.raises(InvalidInputError, match="k=0"):
        memory.timeline(k=0)
    with pytest.raises(NaiveDatetimeError):
        memory.timeline(since=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(("day_first", "when"), [(True, "04-03"), (False, "03-04")])
def test_dates_are_read_in_the_order_of_the_scope(
    embeddings: Embeddings, day_first: bool, when: str
) -> None:
    scope = Scope("ada", day_first=day_first)
    with MemoryController(
        InMemoryStore(), scope=scope, embeddings=embeddings, clock=ManualClock(NOW)
    ) as memory:
        memory.add("On 3/4/2026 I paid the rent.", session_id="s")
        [event] = memory.timeline()
        assert f"{event.when:%m-%d}" == when
        assert texts_of_events(memory, "What did I do on 3/4/2026?") == [
            "On 3/4/2026 I paid the rent."
        ]
