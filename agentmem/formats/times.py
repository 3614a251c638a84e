"""Read the times that the formats write. None of them names a time zone: all are taken as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["TURN_GAP", "moment_of", "parse_day", "parse_iso", "parse_locomo", "parse_longmemeval"]

# The formats date sessions, not turns; a few seconds between turns keep them in order.
TURN_GAP = timedelta(seconds=5)

# Not `strptime`, which reads month names of the process's locale.
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_LOCOMO = re.compile(r"(\d{1,2}):(\d\d)\s*([ap])m on (\d{1,2}) ([a-z]+),? (\d{4})", re.IGNORECASE)
_LONGMEMEVAL = re.compile(r"(\d{4})/(\d\d?)/(\d\d?)(?: \(\w+\))?(?: (\d\d?):(\d\d))?")


def parse_locomo(text: str) -> datetime:
    """Read `1:56 pm on 8 May, 2023`; raise ValueError for anything else."""
    match = _LOCOMO.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= 12:
        raise ValueError(text)
    hour = int(match[1]) % 12 + (12 if match[3].lower() == "p" else 0)
    month = _MONTHS.index(match[5].lower()) + 1
    return datetime(int(match[6]), month, int(match[4]), hour, int(match[2]), tzinfo=UTC)


def parse_longmemeval(text: str) -> datetime:
    """Read `2023/05/30 (Tue) 23:40`; raise ValueError for anything else."""
    match = _LONGMEMEVAL.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def parse_day(text: str) -> datetime:
    """Read `2023-05-02` as noon of that day, which is the same day in nearly all time zones."""
    return datetime.strptime(text.strip(), "%Y-%m-%d").replace(hour=12, tzinfo=UTC)


def parse_iso(text: str) -> datetime:
    """Read ISO 8601 with or without a time zone; raise ValueError for anything else."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def moment_of(value: Any) -> datetime | None:
    """Return a time given as ISO 8601 or as seconds since 1970; None for anything else.

    >>> moment_of(0).isoformat(), moment_of("yesterday")
    ('1970-01-01T00:00:00+00:00', None)
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            return parse_iso(value)
    except (ValueError, OverflowError, OSError):
        pass
    return None
