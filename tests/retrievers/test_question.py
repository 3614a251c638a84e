"""What is read from a question's text."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentmem_retrievers import Period, Question, dates_in, speaks_of_time


@pytest.mark.parametrize(
    ("text", "periods"),
    [
        ("What happened on 7 May 2023?", [Period(2023, 5, 7)]),
        ("What happened on May 7th, 2023?", [Period(2023, 5, 7)]),
        ("Who called in March?", [Period(None, 3, None)]),
        ("Where was I in 2021?", [Period(2021, None, None)]),
        ("May I ask who called?", []),
        ("What did I do in May?", [Period(None, 5, None)]),
        ("Who called?", []),
    ],
)
def test_dates_named(text: str, periods: list[Period]) -> None:
    assert list(dates_in(text)) == periods


def test_a_date_fits_what_is_said_on_it_and_soon_after() -> None:
    period = Period(2023, 5, 7)
    on, after, later, before = (
        period.fits(datetime(2023, 5, day, 9, tzinfo=UTC)) for day in (7, 10, 25, 1)
    )
    assert on > after > later
    assert after > before


def test_a_date_without_year_reaches_over_new_year() -> None:
    assert Period(None, 12, 30).fits(datetime(2024, 1, 2, tzinfo=UTC)) >= 1


def test_a_day_that_no_calendar_has_fits_nothing() -> None:
    assert Period(2023, 2, 30).fits(datetime(2023, 2, 28, tzinfo=UTC)) == 0


def test_speakers_named_are_told_from_the_rest() -> None:
    question = Question("What did Caroline's sister research?", frozenset({"carolin", "mel"}))
    assert question.named == {"carolin"}
    assert question.rest == ("sister", "research")
    assert question.bare == "What did sister research?"


def test_without_speakers_nothing_is_left_out() -> None:
    question = Question("What did I research?", frozenset())
    assert question.rest == question.terms
    assert question.bare == question.text


@pytest.mark.parametrize(
    ("text", "asks"),
    [("When did I move?", True), ("What year was it?", True), ("Tell me when ready", False)],
)
def test_asks_when(text: str, asks: bool) -> None:
    assert Question(text, frozenset()).asks_when is asks


def test_speaks_of_time() -> None:
    assert speaks_of_time("I moved last week.")
    assert not speaks_of_time("I like tea.")
