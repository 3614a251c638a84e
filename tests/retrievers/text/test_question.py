"""Parsing a question: terms, speakers, identifiers, rewriting to the second person."""

from __future__ import annotations

import pytest

from agentmem_retrievers.text.question import Question, ends_with_question


def test_rest_excludes_speakers_names() -> None:
    question = Question("What did Caroline's sister research?", frozenset({"carolin", "mel"}))
    assert question.named == {"carolin"}
    assert question.rest == ("sister", "research")
    assert question.addressed == "What did your sister research?"


def test_without_speakers_rest_has_all_terms() -> None:
    question = Question("What did I research?", frozenset())
    assert question.rest == question.terms
    assert question.addressed == question.text


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("When does Mel see Caroline's sister?", "When do you see your sister?"),
        ("Where is Mel?", "Where are you?"),
        ("What is it that Mel has?", "What is it that you have?"),
        ("Doesn't Mel like it?", "Don't you like it?"),
        ("Who gave Mel her book?", "Who gave you your book?"),
        (
            "What did Mel say when Tom gave her the book?",
            "What did you say when Tom gave you the book?",
        ),
        ("Did Mel and Caroline meet her?", "Did you and you meet her?"),
        ("Wo wohnt Mel heute?", "Wo wohnt heute?"),
        ("Mel", "Mel"),
    ],
)
def test_questions_about_speakers_are_rewritten_to_the_second_person(
    text: str, rewritten: str
) -> None:
    assert Question(text, frozenset({"carolin", "mel"})).addressed == rewritten


@pytest.mark.parametrize(
    ("text", "asks"),
    [("When did I move?", True), ("What year was it?", True), ("Tell me when ready", False)],
)
def test_asks_when(text: str, asks: bool) -> None:
    assert Question(text, frozenset()).asks_when is asks


@pytest.mark.parametrize(
    ("text", "identifiers"),
    [
        ("What is stored under 9f3a-77c1?", {"9f3a", "77c1"}),
        ("Whose number is 555 0134?", {"0134"}),
        ("What happened on 7 May 2023?", set()),
        ("Where is the 3rd cafe?", set()),
    ],
)
def test_identifiers_are_numbers_and_keys_but_no_dates(text: str, identifiers: set[str]) -> None:
    assert Question(text, ()).identifiers == identifiers


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Shall we go?", True),
        ("Shall we go? [shares a photo: a lake]", True),
        ("We went. Did you? I did.", False),
    ],
)
def test_a_note_in_brackets_after_a_question_is_ignored(text: str, asks: bool) -> None:
    assert ends_with_question(text) is asks


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Who visited us?", True), ("Who leads the US now?", False), ("What did I say?", True)],
)
def test_a_country_is_not_the_first_person(text: str, expected: bool) -> None:
    assert Question(text, frozenset()).first_person is expected
