"""Which sentences say how things are, about whom, and which of their words is the value."""

from __future__ import annotations

import pytest

from agentmem.facts.statements import SPEAKER, is_own, own_words, statements


def told(text: str) -> list[tuple[str, str]]:
    """Whom each clause is about, and its likeliest value."""
    first = {s.text: (s.subject, s.value) for s in reversed(list(statements(text)))}
    return list(dict.fromkeys(first.values()))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I work as a land surveyor these days.", "land surveyor"),
        ("We have just moved to Rome.", "Rome"),
        ("Ring me on 0171 555-926 from now on!", "0171 555-926"),
        ("Dr. Okafor looks after my teeth.", "Dr. Okafor"),
        ("Rome is where I live now.", "Rome"),
        ("I like tea better than coffee.", "tea"),
        ("If you need me, my number is 555 0134.", "555 0134"),
        ("I get up at 6:30 every day.", "6:30"),
        ("I was hired as a cook last week.", "cook"),
    ],
)
def test_the_value_is_what_would_be_other_words(text: str, value: str) -> None:
    assert told(text) == [(SPEAKER, value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Because my back hurts, I switched from tennis to yoga.", "yoga"),
        ("They took me on, so I'm a cook now and work at night.", "cook"),
        ("Bought myself a Volvo, since the bus is always late.", "Volvo"),
        ("Could you note my new number, 555 0134?", "555 0134"),
    ],
)
def test_each_clause_has_a_value_of_its_own(text: str, value: str) -> None:
    assert (SPEAKER, value) in told(text)


@pytest.mark.parametrize(
    "text",
    [
        "I used to live in Oslo.",
        "If I moved to Oslo, I would freeze.",
        "I lived in Oslo for two years.",
        "Should I move to Oslo?",
        "I want to move to Oslo.",
        "I was a baker in Oslo.",
        '"I live in Oslo", said the stranger in my train.',
        "The rain has not stopped.",
        "She lives in Oslo.",
        "I made this painting of Oslo.",
        "I want to see your house in Oslo.",
        "Music helps people in Oslo.",
    ],
)
def test_what_does_not_hold_now_is_not_told(text: str) -> None:
    assert told(text) == []


def test_a_clause_may_hold_where_the_rest_does_not() -> None:
    assert told("I am no baker any more, but I work as a nurse now.") == [(SPEAKER, "nurse")]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("My sister works as a nurse.", "sister"),
        ("My sister Anna works as a nurse.", "Anna"),
        ("The phone number of my oldest friend is 555 0134.", "friend"),
        ("Bob plays the cello.", "Bob"),
        ("I live with my sister in a cottage.", SPEAKER),
    ],
)
def test_whom_it_is_about_is_who_is_mentioned_first(text: str, who: str) -> None:
    assert {s.subject for s in statements(text)} == {who}


def test_a_skeleton_is_the_sentence_without_its_value() -> None:
    [statement] = statements("I drive a Volvo now.")
    assert statement.skeleton == "I drive a something now."


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("My coach thinks I row too fast.", True),
        ("My sister and I have moved to Rome.", True),
        ("My brother says he has moved to Rome.", False),
        ("Can you believe I live in Rome now?", True),
        ("Did I tell you that my bank is Acme?", True),
        ("Could you update my number to 555 0134?", True),
        ("Did I tell you where I live?", False),
        ("Could you remind me where I live?", False),
        ("Can you believe what my brother did?", False),
    ],
)
def test_what_may_be_about_who_says_it(text: str, own: bool) -> None:
    assert is_own(text) is own


def test_what_asks_but_in_form_is_read_as_a_claim() -> None:
    assert list(own_words("Would you believe it, we have bought a boat?")) == [
        "we have bought a boat."
    ]
