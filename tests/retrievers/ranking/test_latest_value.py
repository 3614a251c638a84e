"""Questions for a current value, and the statements that may answer them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agentmem_retrievers.index.fact_index import FactEvidence, FactIndex
from agentmem_retrievers.ranking.latest_value import (
    asks_for_present,
    asks_of_user,
    competing_statements,
    likely_statements,
    newest_first,
)
from agentmem_retrievers.ranking.scoring import Ranking
from agentmem_retrievers.text.question import Question
from agentmem_stores import Entry, Granularity, Memory, Scope

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def asked(text: str) -> Question:
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
    assert asks_for_present(asked(text)) is now
    assert asks_for_present(asked(text), as_of=True) is then


@pytest.mark.parametrize(
    ("text", "far"),
    [
        ("Who is my boss?", 1.0),
        ("Where does the user work?", 1.0),
        ("Favourite food?", 0.8),
        ("What is my brother's job?", 0.0),
        ("Where does Anna work?", 0.0),
        ("What is his job?", 0.0),
        ("Which job has the key 8f3a2b77?", 0.0),
    ],
)
def test_asks_of_user(text: str, far: float) -> None:
    assert asks_of_user(asked(text), {"boss": 0.8}, FactIndex()) == far


def said(text: str, day: int, *vector: float) -> Entry:
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


class TestCompetingStatements:
    def test_near_and_similar_entries_compete(self) -> None:
        question = np.array([1, 0, 0], dtype=np.float32)
        entries = [
            said("The plant on my desk is a cactus.", 3, 0.8, 0.6, 0.0),
            said("I put an orchid on my desk.", 1, 0.7, 0.714, 0.0),
            said("My desk is far too small.", 5, 0.7, -0.6, 0.388),
            said("It rains.", 6, 0.1, 0.0, 0.995),
        ]
        assert [e.memory.id for e in competing_statements(question, entries)] == ["m1", "m3"]

    def test_entries_with_the_same_frame_compete(self) -> None:
        question = np.array([1, 0], dtype=np.float32)
        entries = [
            said("My bike is red now, I had it painted.", 1, 0.8, 0.6),
            said("My bike is bottle green now, I had it painted.", 2, 0.5, 0.866),
            said("My bike is broken.", 3, 0.5, 0.866),
        ]
        assert [e.memory.id for e in competing_statements(question, entries)] == ["m1", "m2"]
        assert competing_statements(question, []) == []


def test_likely_statements_are_nearly_as_likely_as_the_likeliest() -> None:
    told = {
        4: FactEvidence(0.9, "I live in Oslo."),
        2: FactEvidence(0.4, "We rent a flat in Rome."),
        7: FactEvidence(0.1, "My aunt's old house is for sale."),
    }
    assert likely_statements({"home": 0.9}, told) == [4, 2]
    assert likely_statements({"home": 0.2}, told) == []
    assert likely_statements({"home": 0.9}, {}) == []


class TestNewestFirst:
    def ranked(self) -> Ranking:
        scores = np.array([3.0, 2.0, 1.0, 0.5])
        return Ranking(np.array([10, 11, 12, 13]), scores, {"rest": scores})

    def test_lifts_the_newest_statements(self) -> None:
        ordered = newest_first(self.ranked(), [13, 14, 11, 12], lift=True)
        assert ordered.rows.tolist() == [12, 11, 14, 10, 13]
        assert np.all(np.diff(ordered.scores) <= 0)
        sums = ordered.parts["rest"] + ordered.parts["currency"]
        assert sums.tolist() == ordered.scores.tolist()

    def test_without_lift_statements_keep_their_places(self) -> None:
        ordered = newest_first(self.ranked(), [11, 12], lift=False)
        assert ordered.rows.tolist() == [10, 12, 11, 13]
        assert ordered.scores.tolist() == self.ranked().scores.tolist()
