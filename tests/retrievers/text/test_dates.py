"""Dates and expressions of time, read on Monday, 8 May 2023."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from agentmem_retrievers.text.dates import (
    PartialDate,
    find_anchor,
    find_partial_dates,
    find_time_spans,
    find_windows,
    mentions_time,
)

NOW = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def days(*pairs: tuple[datetime, datetime]) -> list[tuple[str, str]]:
    return [(f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}") for start, end in pairs]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("I saw her yesterday", "2023-05-07", "2023-05-08"),
        ("the day before yesterday", "2023-05-06", "2023-05-07"),
        ("last week", "2023-05-01", "2023-05-08"),
        ("last Friday", "2023-05-05", "2023-05-06"),
        ("last monday", "2023-05-01", "2023-05-02"),
        ("next Monday", "2023-05-15", "2023-05-16"),
        ("last weekend", "2023-05-06", "2023-05-08"),
        ("two weeks ago", "2023-04-24", "2023-05-01"),
        ("a couple of weeks ago", "2023-04-24", "2023-05-01"),
        ("ten days ago", "2023-04-28", "2023-04-29"),
        ("a year ago", "2022-01-01", "2023-01-01"),
        ("the last three months", "2023-02-08", "2023-05-08"),
        ("last summer", "2022-06-01", "2022-09-01"),
        ("this summer", "2023-06-01", "2023-09-01"),
        ("in December", "2022-12-01", "2023-01-01"),
        ("in May", "2023-05-01", "2023-06-01"),
        ("on 7 May 2023", "2023-05-07", "2023-05-08"),
        ("on March 3rd", "2023-03-03", "2023-03-04"),
        ("back in 2021", "2021-01-01", "2022-01-01"),
        ("2023-04-02", "2023-04-02", "2023-04-03"),
    ],
)
def test_finds_the_time_span_that_a_text_names(text: str, start: str, end: str) -> None:
    assert days(*((s.start, s.end) for s in find_time_spans(text, NOW))) == [(start, end)]


@pytest.mark.parametrize(
    "text", ["She may be late", "the first of all", "on time", "6b3d1c9e-2019-4fe1-1999-a0c7b2"]
)
def test_finds_no_time_span_in_other_texts(text: str) -> None:
    assert list(find_time_spans(text, NOW)) == []


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Where was I between March and June?", "2023-03-01", "2023-07-01"),
        ("Whom did I meet between November and February?", "2022-11-01", "2023-03-01"),
        ("What did I do since March?", "2023-03-01", "2023-05-08"),
        ("What did I do before 2022?", "1900-01-01", "2022-01-01"),
        ("How many cats did I have as of March 2023?", "1900-01-01", "2023-04-01"),
        ("What did I do two days before 9 March 2023?", "2023-03-07", "2023-03-08"),
    ],
)
def test_finds_the_window_that_a_question_is_about(text: str, start: str, end: str) -> None:
    assert days(*((w.start, w.end) for w in find_windows(text, NOW))) == [(start, end)]


def test_finds_an_event_in_place_of_a_date() -> None:
    anchor = find_anchor("What did I eat two days before my birthday?", NOW)
    assert anchor is not None
    assert anchor.clause == "my birthday"
    party = datetime(2023, 4, 20, tzinfo=UTC), datetime(2023, 4, 21, tzinfo=UTC)
    assert anchor.window(*party, NOW).start.date() == date(2023, 4, 18)
    since = find_anchor("Where have I been since I moved?", NOW)
    assert since is not None
    assert since.window(*party, NOW).contains(NOW.replace(day=1))
    assert find_anchor("What did I do since March?", NOW) is None


def test_fit_of_a_window_decreases_with_distance() -> None:
    [window] = find_windows("last week", NOW)
    inside, near, far = (datetime(2023, m, d, tzinfo=UTC) for m, d in ((5, 3), (4, 28), (1, 1)))
    times = np.array([moment.timestamp() for moment in (inside, near, far)])
    one, some, none = window.fits(times, times)
    assert (one, none) == (1.0, 0.0)
    assert 0.5 < some < 1.0


@pytest.mark.parametrize(
    ("text", "dates"),
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
def test_finds_partial_dates(text: str, dates: list[PartialDate]) -> None:
    assert list(find_partial_dates(text)) == dates


def test_a_date_fits_turns_of_the_day_best_then_of_the_week_after() -> None:
    date_ = PartialDate(2023, 5, 7)
    on, after, later, before = (
        date_.fits(datetime(2023, 5, day, 9, tzinfo=UTC)) for day in (7, 10, 25, 1)
    )
    assert on > after > later
    assert after > before


def test_a_date_without_year_fits_across_new_year() -> None:
    assert PartialDate(None, 12, 30).fits(datetime(2024, 1, 2, tzinfo=UTC)) >= 1


def test_an_impossible_date_fits_nothing() -> None:
    assert PartialDate(2023, 2, 30).fits(datetime(2023, 2, 28, tzinfo=UTC)) == 0


def test_mentions_time() -> None:
    assert mentions_time("I moved last week.")
    assert not mentions_time("I like tea.")


def test_the_day_before_yesterday_does_not_fit_yesterday() -> None:
    now = datetime(2024, 3, 11, 7, 30, tzinfo=ZoneInfo("Pacific/Auckland"))
    hours = [datetime(2024, 3, day, 19, tzinfo=now.tzinfo).timestamp() for day in (9, 10)]
    said_at = np.array(hours)
    for text, near in (("What did I eat yesterday?", 0.2), ("What did I eat a day ago?", 0.75)):
        [window] = find_windows(text, now)
        before, yesterday = window.fits(said_at, said_at)
        assert yesterday == 1.0
        assert before <= near


@pytest.mark.parametrize(
    ("text", "day_first", "starts"),
    [
        ("Paid on 3/4/2023.", True, ["2023-04-03"]),
        ("Paid on 3/4/2023.", False, ["2023-03-04"]),
        ("Paid on 3.4.2023.", False, ["2023-03-04"]),
        ("Paid on 14/2/2023.", False, ["2023-02-14"]),
        ("Paid on 2/14/2023.", True, ["2023-02-14"]),
        ("From 3/4/2023 to 3/28/2023.", True, ["2023-03-04", "2023-03-28"]),
        ("From 3/4/2023 to 28/4/2023.", False, ["2023-04-03", "2023-04-28"]),
        ("From 3/28/2023 to 28/4/2023, or 5/6/2023.", True,
         ["2023-03-28", "2023-04-28", "2023-06-05"]),
    ],
)  # fmt: skip
def test_dates_of_three_numbers(text: str, day_first: bool, starts: list[str]) -> None:
    spans = find_time_spans(text, NOW, day_first=day_first)
    assert [f"{span.start:%Y-%m-%d}" for span in spans] == starts


def test_windows_follow_the_order_of_day_and_month() -> None:
    [window] = find_windows("What did I do since 3/4/2023?", NOW, day_first=False)
    assert window.start.date() == date(2023, 3, 4)
