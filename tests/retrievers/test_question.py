"""What is read from a question's text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentmem_retrievers.text.dates import PartialDate, find_partial_dates, mentions_time
from agentmem_retrievers.text.question import Question, ends_with_question


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("What happened on 7 May 2023?", [PartialDate(2023, 5, 7)]),
        ("What happened on May 7th, 2023?", [PartialDate(2023, 5, 7)]),
        ("Who called in March?", [PartialDate(None, 3, None)]),
        ("Where was I in 2021?", [PartialDate(2021, None, None)]),
        ("May I ask who called?", []),
        ("What did I do in May?", [PartialDate(None, 5, None)]),
        ("Who called?", []),
        ("How many cats did I have as of March 2023?", []),
        ("Where have I been since 2021?", []),
        ("What is the value of 6b3d-2019-4fe1-1999-a0c7?", []),
        ("Did I meet her on 3 June 2022, before May 2023?", [PartialDate(2022, 6, 3)]),
    ],
)
def test_dates_named(text: str, periods: list[PartialDate]) -> None:
    assert list(find_partial_dates(text)) == periods


def test_a_date_fits_what_is_said_on_it_and_soon_after() -> None:
    period = PartialDate(2023, 5, 7)
    on, after, later, before = (
        period.fits(datetime(2023, 5, day, 9, tzinfo=UTC)) for day in (7, 10, 25, 1)
    )
    assert on > after > later
    assert after > before


def test_a_date_without_year_reaches_over_new_year() -> None:
    assert PartialDate(None, 12, 30).fits(datetime(2024, 1, 2, tzinfo=UTC)) >= 1


def test_a_day_that_no_calendar_has_fits_nothing() -> None:
    assert PartialDate(2023, 2, 30).fits(datetime(2023, 2, 28, tzinfo=UTC)) == 0


def test_speakers_named_are_told_from_the_rest() -> None:
    question = Question("What did Caroline's sister research?", frozenset({"carolin", "mel"}))
    assert question.named == {"carolin"}
    assert question.rest == ("sister", "research")
    assert question.addressed == "What did your sister research?"


def test_without_speakers_nothing_is_left_out() -> None:
    question = Question("What did I research?", frozenset())
    assert question.rest == question.terms
    assert question.addressed == question.text


@pytest.mark.parametrize(
    ("asked", "put"),
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
def test_questions_about_speakers_are_put_to_them(asked: str, put: str) -> None:
    assert Question(asked, frozenset({"carolin", "mel"})).addressed == put


@pytest.mark.parametrize(
    ("text", "asks"),
    [("When did I move?", True), ("What year was it?", True), ("Tell me when ready", False)],
)
def test_asks_when(text: str, asks: bool) -> None:
    assert Question(text, frozenset()).asks_when is asks


def test_speaks_of_time() -> None:
    assert mentions_time("I moved last week.")
    assert not mentions_time("I like tea.")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("What is stored under 9f3a-77c1?", {"9f3a", "77c1"}),
        ("Whose number is 555 0134?", {"0134"}),
        ("What happened on 7 May 2023?", set()),
        ("Where is the 3rd cafe?", set()),
    ],
)
def test_numbers_and_identifiers_are_keys_but_dates_are_not(text: str, keys: set[str]) -> None:
    assert Question(text, ()).identifiers == keys


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Shall we go?", True),
        ("Shall we go? [shares a photo: a lake]", True),
        ("We went. Did you? I did.", False),
    ],
)
def test_what_is_noted_in_brackets_is_not_what_was_said(text: str, asks: bool) -> None:
    assert ends_with_question(text) is asks
