"""Which statements are duplicates, with the vectors of the real embedder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.embeddings import Embeddings

from agentmem import Granularity, InMemoryStore, Memory, MemoryController, Scope, State
from agentmem.embedding.embedder import Embedder
from agentmem.maintenance.duplicates import duplicates
from agentmem_stores import Entry

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

PARAPHRASES = [
    ["I live in Oslo.", "My home is in Oslo.", "Oslo is where I live.",
     "I'm living in Oslo these days.", "I reside in Oslo."],
    ["My dog is called Biscuit.", "I have a dog named Biscuit.", "Biscuit is my dog.",
     "The name of my dog is Biscuit.", "My dog's name is Biscuit."],
    ["I work as a nurse.", "My job is nursing.", "I'm working as a nurse.",
     "I am employed as a nurse.", "Nurse is my profession."],
    ["My sister lives in Porto.", "My sister's home is in Porto.",
     "Porto is where my sister lives.", "My sister is living in Porto now.",
     "My sister resides in Porto."],
    ["My favourite colour is green.", "Green is my favourite colour.",
     "My favourite colour: green!", "Well, green is my favourite colour.",
     "Really, my favourite colour is green."],
]  # fmt: skip

DIFFERENT = [
    ("I live in Oslo.", "I live in Lisbon."),
    ("I live in Oslo.", "I lived in Oslo."),
    ("I live in Oslo.", "I don't live in Oslo."),
    ("I live in Oslo.", "He lives in Oslo."),
    ("I live in Oslo.", "I work in Oslo."),
    ("I live in Oslo.", "I want to live in Oslo."),
    ("I live in Oslo.", "Do I live in Oslo?"),
    ("I'm in Oslo.", "I live in Oslo."),
    ("I like tea.", "I like coffee."),
    ("I love hiking.", "I do not love hiking."),
    ("My dog is called Biscuit.", "My cat is called Biscuit."),
    ("I worked at Google.", "I work at Google."),
    ("My sister is a nurse.", "My sister was a nurse."),
    ("I sold the car.", "I bought the car."),
    ("I ran 5 miles.", "I ran 10 miles."),
    ("I ate before the show.", "I ate after the show."),
    ("Anna loves Ben.", "Ben loves Anna."),
    ("The cat chased the dog.", "The dog chased the cat."),
    ("I moved from Oslo to Rome.", "I moved from Rome to Oslo."),
    ("I paid Tom.", "Tom paid me."),
]


# Paraphrases with other framing words, recognized by the facts that the turns state.
PARAPHRASED_FACTS = [
    ["My favourite colour is green.", "Green is the colour that I love most.",
     "The colour I like best is green.", "I like green best of all colours.",
     "Of all colours green is my favourite."],
    ["I drive a red Volvo.", "My car is a red Volvo.", "The car I drive is a red Volvo.",
     "I own a red Volvo.", "I have a red Volvo."],
    ["I work as a nurse.", "I'm a nurse.", "I am employed as a nurse.",
     "By profession I'm a nurse.", "I'm working as a nurse."],
]  # fmt: skip

DIFFERENT_FACTS = [
    ("I drive a red Volvo.", "I drive a blue Volvo."),
    ("I drive a red Volvo.", "I drive a red Volvo that my uncle gave me."),
    ("I drive a Volvo.", "I bought a Volvo."),
    ("I live in Rome.", "I have just moved to Rome."),
    ("I moved from Oslo to Rome.", "I moved from Rome to Oslo."),
    ("My favourite colour is green.", "My favourite colour was green."),
    ("The colour I like best is green.", "My brother likes green best of all colours."),
    ("The colour I like best is green.", "Is green the colour that I like best?"),
    ("I'm a nurse.", "I want to be a nurse."),
    ("I'm a nurse.", "I'm a nurse in a hospice."),
]


def make_entries(
    embeddings: Embeddings,
    texts: Sequence[str],
    *,
    speaker: str | None = None,
    since: datetime = START,
) -> list[Entry]:
    vectors = Embedder(embeddings).documents(texts)
    turns = [
        Memory(
            id=f"m{number}",
            scope=Scope("ada"),
            granularity=Granularity.TURN,
            text=text,
            session_id="s",
            said_at=since + timedelta(minutes=number),
            written_at=since,
            speaker=speaker,
            position=number,
        )
        for number, text in enumerate(texts)
    ]
    return [Entry(turn, vector) for turn, vector in zip(turns, vectors, strict=True)]


@pytest.mark.parametrize("phrasings", PARAPHRASES, ids=lambda p: p[0])
def test_paraphrases_of_one_statement_are_duplicates(
    embeddings: Embeddings, phrasings: list[str]
) -> None:
    [group] = duplicates(make_entries(embeddings, phrasings))
    assert [memory.text for memory in group] == phrasings


@pytest.mark.parametrize("pair", DIFFERENT, ids=" / ".join)
def test_different_statements_are_not_duplicates(
    embeddings: Embeddings, pair: tuple[str, str]
) -> None:
    assert duplicates(make_entries(embeddings, pair)) == []


def active_after_consolidation(embeddings: Embeddings, texts: Sequence[str]) -> list[Memory]:
    """Add texts on different days, consolidate, and return the turns that are still active."""
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, linger=None
    ) as memory:
        for day, text in enumerate(texts):
            memory.add(text, session_id=f"s{day}", timestamp=START + timedelta(days=day))
        memory.end_session()
        memory.consolidate()
        turns = memory.get_all(limit=None, granularity=Granularity.TURN)
        return [turn for turn in turns if turn.state is State.ACTIVE]


@pytest.mark.parametrize("phrasings", PARAPHRASED_FACTS, ids=lambda p: p[0])
def test_paraphrases_of_one_fact_are_merged_into_the_latest(
    embeddings: Embeddings, phrasings: list[str]
) -> None:
    [turn] = active_after_consolidation(embeddings, phrasings)
    assert turn.text == phrasings[-1]
    assert len(turn.sources) == len(phrasings) - 1


@pytest.mark.parametrize("pair", DIFFERENT_FACTS, ids=" / ".join)
def test_different_facts_are_not_merged(embeddings: Embeddings, pair: tuple[str, str]) -> None:
    assert len(active_after_consolidation(embeddings, pair)) == 2


def test_speakers_are_kept_apart(embeddings: Embeddings) -> None:
    ada = make_entries(embeddings, ["I live in Oslo."], speaker="Ada")
    ben = make_entries(embeddings, ["I live in Oslo."], speaker="Ben")
    assert duplicates([*ada, *ben]) == []


def test_relative_dates_of_different_days_are_kept_apart(embeddings: Embeddings) -> None:
    one = make_entries(embeddings, ["I ran ten miles yesterday."])
    other = make_entries(
        embeddings, ["I ran ten miles yesterday."], since=START + timedelta(days=9)
    )
    assert duplicates([*one, *other]) == []


def test_merged_duplicates_appear_once_in_a_search(embeddings: Embeddings) -> None:
    with MemoryController(
        InMemoryStore(), scope=Scope("ada"), embeddings=embeddings, linger=None
    ) as memory:
        for n, text in enumerate(PARAPHRASES[1]):
            memory.add([text, f"By the way, lunch number {n} was pasta."], session_id=f"s{n}")
        memory.consolidate()
        hits = memory.search("What is my dog called?", k=5)
        dogs = [hit.memory for hit in hits if "Biscuit" in hit.memory.text]
        assert len(dogs) == 1
        turns = memory.get_all(granularity=Granularity.TURN)
        others = {m.id for m in turns if "Biscuit" in m.text and m.role == "user"}
        assert set(dogs[0].sources) == others - {dogs[0].id}
