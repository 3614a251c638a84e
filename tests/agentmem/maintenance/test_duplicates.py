"""Which turns say the same, and that no merge ever loses what one of them says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentmem import Granularity, InMemoryStore, Memory, MemoryController, Scope, State
from agentmem.maintenance.duplicates import duplicates, same_statement
from tests.torture._embedding import WordEmbeddings

SAID_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

SAME = [
    ("I live in Oslo.", "I live in Oslo"),
    ("I live in Oslo.", "I  live in Oslo!"),
    ("I\u2019m a nurse.", "I'm a nurse."),
    ("I'm a nurse.", "I am a nurse."),
    ("As I said, I live in Oslo.", "I live in Oslo."),
    ("By the way, my name is Ada.", "My name is Ada."),
]
DIFFERENT = [
    ("My blood type is A+.", "My blood type is A-."),
    ("The oven was at 5 \u00b0C.", "The oven was at -5 \u00b0C."),
    ("The oven was at 5 \u00b0C.", "The oven was at 5 \u00b0F."),
    ("I paid \u00a345.", "I paid \u20ac45."),
    ("I code in C++.", "I code in C#."),
    ("I code in C.", "I code in C++."),
    ("The heating is on.", "The heating is off."),
    ("It is enabled.", "It is disabled."),
    ("I liked it \U0001f44d", "I liked it \U0001f44e"),
    ("I liked it", "I liked it \U0001f44e"),
    ("I have few friends.", "I have a few friends."),
    ("I got the US visa.", "I got the us visa."),
    ("I love Turkey.", "I love turkey."),
    ("The deadline is October 15.", "The deadline is October 16."),
    ("I weigh 80 kg.", "I weigh 80 lb."),
    ("I owe 1.5 million.", "I owe 15 million."),
    ("I live in Oslo.", "Do I live in Oslo?"),
    ("I live in Oslo.", "I lived in Oslo."),
    ("I do not eat eggs.", "I do eat eggs."),
    ("Anna loves Ben.", "Ben loves Anna."),
    ("I can go.", "I can't go."),
    ("I like it.", "I like it?"),
]


def turn(number: int, text: str, **fields: object) -> Memory:
    values: dict[str, object] = {
        "id": f"m{number}",
        "scope": Scope("ada"),
        "granularity": Granularity.TURN,
        "text": text,
        "session_id": "s",
        "said_at": SAID_AT + timedelta(days=number),
        "written_at": SAID_AT,
        "position": number,
    }
    return Memory(**{**values, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("pair", SAME, ids=" / ".join)
def test_texts_that_say_the_same_are_grouped(pair: tuple[str, str]) -> None:
    [group] = duplicates([turn(0, pair[0]), turn(1, pair[1])])
    assert [memory.text for memory in group] == list(pair)


@pytest.mark.parametrize("pair", DIFFERENT, ids=" / ".join)
def test_texts_that_differ_stay_apart(pair: tuple[str, str]) -> None:
    assert duplicates([turn(0, pair[0]), turn(1, pair[1])]) == []


@pytest.mark.parametrize(
    "text", ["2", "Continue.", "4 letters", "Make another one", "I like that.", "Your turn!", "Yes"]
)
def test_turns_that_depend_on_the_turn_before_are_not_merged(text: str) -> None:
    assert duplicates([turn(0, text), turn(1, text)]) == []


@pytest.mark.parametrize("text", ["Rex died.", "I'm vegan.", "My boss smokes.", "Oslo is cold."])
def test_short_statements_are_grouped(text: str) -> None:
    day = {"said_at": turn(0, text).said_at}
    assert len(duplicates([turn(0, text, **day), turn(1, text, **day)])) == 1


def test_speaker_day_and_metadata_matter() -> None:
    assert duplicates([turn(0, "I live here.", speaker="Ada"), turn(1, "I live here.")]) == []
    assert duplicates([turn(0, "I ran five miles."), turn(1, "I ran five miles.")]) == []
    assert duplicates([turn(0, "Do this."), turn(1, "Do this.", metadata={"project": "x"})]) == []


TOKENS = st.sampled_from(
    [
        *("I", "a", "the", "few", "not", "no", "on", "off", "up", "US", "us", "+5", "-5", "5"),
        *("C++", "C#", "A+", "A-", "\u20ac45", "\u00a345", "80", "kg", "lb", "%", "!", "?", "."),
        *("\U0001f44d", "\U0001f44e", "Turkey", "turkey", "enabled", "disabled", "can", "can't"),
    ]
)


@settings(max_examples=10_000, deadline=None)
@given(words=st.lists(TOKENS, min_size=1, max_size=6), place=st.integers(0, 5), other=TOKENS)
def test_texts_that_differ_in_a_token_never_say_the_same(
    words: list[str], place: int, other: str
) -> None:
    changed = list(words)
    changed[place % len(words)] = other
    one, two = " ".join(words), " ".join(changed)
    # The marks at the end are the only tokens without a meaning.
    if one.rstrip(" .!") != two.rstrip(" .!"):
        assert same_statement(f"Note {one} here") != same_statement(f"Note {two} here")


def controller() -> MemoryController:
    return MemoryController(
        InMemoryStore(WordEmbeddings.spec),
        scope=Scope("ada"),
        embeddings=WordEmbeddings(),
        linger=None,
    )


def active(memory: MemoryController) -> list[str]:
    turns = memory.get_all(limit=None, granularity=Granularity.TURN)
    return [turn.text for turn in turns if turn.state is State.ACTIVE]


def test_deleting_a_merged_turn_restores_turns_with_other_words() -> None:
    with controller() as memory:
        for day, text in enumerate(("I am a nurse.", "I'm a nurse.", "I'm a nurse.")):
            memory.add(text, session_id=f"s{day}", timestamp=SAID_AT + timedelta(days=day))
            memory.end_session(f"s{day}")
        merged = memory.consolidate().merged
        assert len(merged) == 2
        [standing] = set(merged.values())
        memory.delete(standing)
        assert active(memory) == ["I am a nurse."]
        assert memory.check().ok


def test_deleting_a_session_restores_merged_turns_of_other_sessions() -> None:
    with controller() as memory:
        for day in range(2):
            memory.add(
                "My name is Ada.", session_id=f"s{day}", timestamp=SAID_AT + timedelta(days=day)
            )
            memory.end_session(f"s{day}")
        memory.consolidate()
        memory.delete_session("s1")
        assert active(memory) == ["My name is Ada."]


def test_a_merge_can_be_undone_and_is_not_made_again() -> None:
    with controller() as memory:
        for day in range(2):
            memory.add(
                "My name is Ada.", session_id=f"s{day}", timestamp=SAID_AT + timedelta(days=day)
            )
            memory.end_session(f"s{day}")
        [(hidden, standing)] = memory.consolidate().merged.items()
        assert memory.get(hidden).text == "My name is Ada."
        assert [turn.id for turn in memory.unmerge(hidden)] == [hidden]
        assert memory.get(standing).sources == ()
        assert memory.consolidate().merged == {}
        assert len(active(memory)) == 2
