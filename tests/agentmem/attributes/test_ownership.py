"""Whether a message tells something lasting of its author."""

from __future__ import annotations

import time

import pytest

from agentmem.attributes.ownership import is_own


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("I live in Oslo.", True),
        ("My new flatmate is Hugo.", True),
        ("My sister works as a nurse.", False),
        ("The gym of my cousin is Rivoli.", False),
        ("My lawyer is Dr. Brandt now.", True),
        ("Please write down my new locker code, 4711.", True),
        ("After the strike, I take the tram.", True),
        ("If you need a hand, my workshop is in Graz.", True),
        ("When I cook I usually make soup.", True),
        ("They promoted me: from May on I lead the lab.", True),
        ("He told me: I live in Oslo.", False),
        ("Everything is unpacked, so Tromso is officially home.", True),
        ("Tromso is home to many students.", False),
        ("Could you save 0471 22 33 44 as my number?", True),
        ("If I won, I would live in Oslo.", False),
        ("When I was six, I lived in Oslo.", False),
        ("The rain has not stopped.", False),
        ("Do I live in Oslo?", False),
        ("Dropped that and enrolled in a Korean class.", True),
        ("When we go to the pub I get a ginger beer.", True),
        ("If I see anything yellow, I have to have it.", True),
        ("New contract, new digits: 0471 22 33 44.", True),
        ("They hired me as a cook.", True),
        ("My coach is teaching me to row.", True),
        ("The dentist of my brother is Dr. Brandt.", False),
        ("Hammerfest it is from now on.", True),
        ("Nadja and I split up, and I'm with Theo now.", True),
        ("Tom: I live in Oslo.", False),
        ("I heard that my cousin drives a Fiat.", False),
        ("My aunt sings, and I paint.", True),
        ("We rented a Fiat for the weekend.", False),
        ("We spent a lovely week in Oslo.", False),
        ("I'd love to live in Oslo.", False),
        ("I'm thinking of buying a Fiat.", False),
    ],
)
def test_is_own(text: str, own: bool) -> None:
    assert is_own(text) is own


@pytest.mark.parametrize(
    "words", ["a ", "over the ", "if I ", "it is ", "my ", "I have just ", "is home "]
)
def test_whether_a_long_message_is_own_is_known_at_once(words: str) -> None:
    start = time.process_time()
    is_own(words * 4000)
    assert time.process_time() - start < 1.0
