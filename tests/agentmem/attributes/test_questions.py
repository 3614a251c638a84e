"""Which attributes a question asks for by rules."""

from __future__ import annotations

import pytest

from agentmem.attributes.questions import asked_attributes


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Where do I live?", [("user", "home")]),
        ("Which city have we moved to?", [("user", "home")]),
        ("What is my wife's job?", [("wife", "job")]),
        ("Which sport does my sister Anna play?", [("sister Anna", "sport")]),
        ("What kind of computer do I use?", [("user", "computer")]),
        ("How can people reach me?", [("user", "phone number")]),
        ("Which language am I learning?", [("user", "learning")]),
        ("Which color do I like best?", [("user", "favourite colour")]),
        ("What's the song that I love most?", [("user", "favourite song")]),
        ("What do I like most?", []),
        (
            "What do I enjoy eating most?",
            [("user", "favourite food"), ("user", "favourite dish"), ("user", "favourite meal")],
        ),
        ("Which car should I buy?", []),
        ("Which car do I want to buy?", []),
        ("Which city did I visit?", []),
        ("Where did I live before?", []),
        ("How many books do I have to read?", []),
    ],
)
def test_questions_ask_for_attributes(question: str, asked: list[tuple[str, str]]) -> None:
    assert [tuple(key) for key in asked_attributes(question)] == asked
