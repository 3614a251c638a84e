"""Times as the formats write them. None of them tells a time zone: all are taken as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = ["TURN_GAP", "iso", "locomo", "longmemeval", "noon"]

# Formats date sessions, not turns; a little time between turns keeps their order.
TURN_GAP = timedelta(seconds=5)

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_LOCOMO = re.compile(r"(\d{1,2}):(\d\d)\s*([ap])m on (\d{1,2}) ([a-z]+),? (\d{4})", re.IGNORECASE)
_LONGMEMEVAL = re.compile(r"(\d{4})/(\d\d?)/(\d\d?)(?: \(\w+\))?(?: (\d\d?):(\d\d))?")


def locomo(text: str) -> datetime:
    """Read `1:56 pm on 8 May, 2023`, whatever the process's locale; ValueError for others."""
    match = _LOCOMO.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= 12:
        raise ValueError(text)
    hour = int(match[1]) % 12 + (12 if match[3].lower() == "p" else 0)
    month = _MONTHS.index(match[5].lower()) + 1
    return datetime(int(match[6]), month, int(match[4]), hour, int(match[2]), tzinfo=UTC)


def longmemeval(text: str) -> datetime:
    """Read `2023/05/30 (Tue) 23:40`; ValueError for others."""
    match = _LONGMEMEVAL.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def noon(text: str) -> datetime:
    """Read a day, `2023-05-02`; noon is on that day in nearly all time zones."""
    day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    return day.replace(hour=12)


def iso(text: str) -> datetime:
    """Read ISO 8601, with a time zone or without one; ValueError for others."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
