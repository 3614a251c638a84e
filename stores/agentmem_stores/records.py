"""The records of a store: memories, their owners and their associations. All are immutable."""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import cached_property
from numbers import Integral
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentmem_stores.errors import (
    EmptyTextError,
    InvalidInputError,
    InvalidScopeError,
    NaiveDatetimeError,
)

__all__ = [
    "MONTH_FIRST",
    "UTC_OFFSET",
    "Edge",
    "Granularity",
    "Memory",
    "RecallEvent",
    "Scope",
    "State",
    "require_aware",
    "with_date_conventions",
]

# Metadata of a turn: minutes that its speaker's clock was ahead of UTC. All times are stored in
# UTC, and without this "yesterday" could be another day than the speaker meant. Absent for 0.
UTC_OFFSET = "utc_offset"
# In a turn's metadata: whether its author writes the month first in a date such as 3/4/2024.
MONTH_FIRST = "month_first"

# Names are stored with every session of a scope; longer ones are almost certainly texts.
MAX_NAME_LENGTH = 512

# The latest recalls that a memory keeps; a row grows by 50 bytes with each.
MAX_RECALLS = 20

_SURROGATE = re.compile("[\ud800-\udfff]")

# The fields of a memory that are points in time.
DATETIME_FIELDS = ("said_at", "written_at", "last_recalled_at", "state_changed_at", "expires_at")


class Granularity(StrEnum):
    """How much of a conversation one memory covers.

    `TURN`, `SESSION`, `SUMMARY` and `KEYWORDS` belong to one conversation (MemGAS, section 3.1).
    Consolidation derives `TOPIC` and `DAY` from many. A `PLAN` is a way of doing something that
    an agent has tried. A `FACT` is one attribute of one subject, as a turn states it. A
    `CITATION` records which memories an answer used; it is bookkeeping and never retrieved.
    """

    TURN = "turn"
    SESSION = "session"
    SUMMARY = "summary"
    KEYWORDS = "keywords"
    TOPIC = "topic"
    DAY = "day"
    PLAN = "plan"
    FACT = "fact"
    CITATION = "citation"

    @property
    def of_session(self) -> bool:
        """Whether such a memory belongs to one conversation and is found through its turns."""
        return self in _OF_SESSION


_OF_SESSION = frozenset(
    [Granularity.TURN, Granularity.SESSION, Granularity.SUMMARY, Granularity.KEYWORDS]
)


class State(StrEnum):
    """The lifecycle state of a memory (after the MemCube of MemOS)."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    ARCHIVED = "archived"


def require_aware(moment: datetime, name: str) -> datetime:
    """Return `moment` in UTC.

    Args:
        moment: an aware datetime.
        name: what the error message calls it.

    Raises:
        NaiveDatetimeError: `moment` has no time zone.

    >>> from datetime import timedelta, timezone
    >>> noon = datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=2)))
    >>> require_aware(noon, "said_at").isoformat()
    '2026-01-05T10:00:00+00:00'
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise NaiveDatetimeError(
            f"{name}={moment.isoformat()} has no time zone; "
            "pass an aware datetime, such as datetime.now(timezone.utc)"
        )
    return moment.astimezone(UTC)


def with_date_conventions(
    metadata: Mapping[str, Any], moment: datetime, *, day_first: bool = True
) -> Mapping[str, Any]:
    """Return metadata that say in which offset from UTC a moment was given, and how dates are."""
    offset = moment.utcoffset()
    conventions: dict[str, Any] = (
        {UTC_OFFSET: round(offset / timedelta(minutes=1))} if offset else {}
    )
    if not day_first:
        conventions[MONTH_FIRST] = True
    return {**metadata, **conventions} if conventions else metadata


def is_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogates, which UTF-8 and so Chroma cannot encode."""
    return text.isascii() or not _SURROGATE.search(text)


def clean_text(text: str) -> tuple[str, int]:
    """Return a text without what cannot be stored, and how many characters were replaced.

    Two surrogates that belong together become their character; a lone one, which is half of a
    character, becomes U+FFFD.

    >>> clean_text("tea \\ud83c\\udf75 and \\ud83d")[1]
    1
    """
    if is_unicode(text):
        return text, 0
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined, joined.count("\ufffd") - text.count("\ufffd")


def _owner_name(value: object, name: str) -> str:
    if isinstance(value, UUID):
        value = str(value)
    elif isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        # In hexadecimal, Python writes integers of any length.
        value = str(number) if abs(number) < 10**100 else hex(number)
    if not isinstance(value, str) or not value.strip():
        text = repr(value)[:MAX_NAME_LENGTH]
        raise InvalidScopeError(f"{name}={text} must be a non-empty string, an integer or a UUID")
    if value == "*":
        raise InvalidScopeError(f"{name} must name one owner; '*' is not a wildcard")
    if len(value) > MAX_NAME_LENGTH:
        raise InvalidScopeError(
            f"{name} must have at most {MAX_NAME_LENGTH} characters, not {len(value)}"
        )
    if any(ord(c) < 32 for c in value) or not is_unicode(value):
        raise InvalidScopeError(
            f"{name} must not contain control characters or lone surrogates: {value!r}"
        )
    return value


@dataclass(frozen=True)
class Scope:
    """The owner of memories: a user, or one agent's memories of a user.

    Names are compared code point by code point, without normalization or trimming.

    Attributes:
        user_id: the user.
        agent_id: the agent whose memories of the user these are; None for none in particular.
        tz: IANA name of the time zone in which the user's days begin, such as "Asia/Tokyo". It is
            no part of the owner's identity. By default days are those of each timestamp's own
            offset, which is UTC for the system clock.
        day_first: whether the user writes 3/4/2024 for 3 April, else for 4 March. It is no part of
            the owner's identity either. Dates that exist in one order only do not need it.

    Integers and UUIDs, as databases number users, become strings.

    Raises:
        InvalidScopeError: a name is empty, `*`, longer than 512 characters, or contains control
            characters; or there is no such time zone.

    >>> str(Scope("ada")), str(Scope("ada", agent_id="tutor"))
    ('ada', 'ada/tutor')
    """

    user_id: str
    agent_id: str | None = None
    tz: str | None = field(default=None, compare=False, repr=False)
    day_first: bool = field(default=True, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "user_id", _owner_name(self.user_id, "user_id"))
        if self.agent_id is not None:
            object.__setattr__(self, "agent_id", _owner_name(self.agent_id, "agent_id"))
        if self.tz is not None:
            self.localize(datetime.now(UTC))

    def localize(self, moment: datetime) -> datetime:
        """Return a moment in the user's time zone, or as it is where `tz` is None."""
        if self.tz is None:
            return moment
        try:
            return moment.astimezone(ZoneInfo(self.tz))
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            raise InvalidScopeError(
                f"tz={self.tz!r} is not a time zone; pass an IANA name such as 'Europe/Oslo'"
            ) from None

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that identify this owner in row ids and partitions."""
        # The length separates ("ab", "c") from ("a", "bc"); "-" and "+" separate None from a name.
        agent = "-" if self.agent_id is None else f"+{self.agent_id}"
        raw = f"{len(self.user_id)}:{self.user_id}{agent}"
        return hashlib.sha256(raw.encode()).hexdigest()[:32]

    def __str__(self) -> str:
        return self.user_id if self.agent_id is None else f"{self.user_id}/{self.agent_id}"


@dataclass(frozen=True, slots=True)
class Edge:
    """An association with an older memory of the same scope, of `weight` in (0, 1]."""

    target: str
    weight: float


@dataclass(frozen=True, slots=True)
class RecallEvent:
    """A recall of a memory.

    Attributes:
        at: when, UTC.
        strength: S in days that the memory had until then; the recall made it stronger.

    Raises:
        NaiveDatetimeError: `at` has no time zone.
        InvalidInputError: the strength is not finite and above 0.
    """

    at: datetime
    strength: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", require_aware(self.at, "at"))
        if not (math.isfinite(self.strength) and self.strength > 0):
            raise InvalidInputError(f"strength must be finite and > 0 days, not {self.strength}")


@dataclass(frozen=True)
class Memory:
    """One memory. `dataclasses.replace` returns a changed copy.

    Attributes:
        id: unique within the scope.
        scope: the owner.
        granularity: how much of a conversation it covers.
        text: the content; for turns, the words of the speaker.
        session_id: the conversation it belongs to.
        said_at: when it was said, UTC.
        written_at: when it was written to the store, UTC.
        role: `user`, `assistant`, `system`, `tool`, `document`, or a name that begins with `x-`.
        speaker: the speaker's name, if the conversation gives one.
        position: index in the session, from 0 (for a passage: of its first turn).
        strength: S in R = exp(-t/S), in days.
        last_recalled_at: the last recall, UTC; None if never recalled.
        recall_count: the number of recalls.
        recalls: the latest 20 of them, oldest first. Fewer than `recall_count` also for memories
            that were recalled before recalls were recorded one by one.
        state: active, superseded or archived.
        state_changed_at: when it left the active state, UTC.
        expires_at: when it is deleted, UTC; None for never.
        version: counts from 1 and grows with every update of the text.
        version_of: for a former version, the id of the current memory; otherwise None.
        sources: ids of the memories it was derived from.
        edges: associations; each is stored with the newer of its two memories.
        metadata: any JSON object.

    Raises:
        EmptyTextError: the text is empty or white space.
        NaiveDatetimeError: a time has no time zone.
        InvalidInputError: another field is out of range.

    >>> now = datetime(2026, 1, 5, tzinfo=UTC)
    >>> memory = Memory("m1", Scope("ada"), Granularity.TURN, "I like tea.", "s1", now, now)
    >>> memory.state, memory.strength
    (<State.ACTIVE: 'active'>, 1.0)
    """

    id: str
    scope: Scope
    granularity: Granularity
    text: str
    session_id: str
    said_at: datetime
    written_at: datetime
    role: str = "user"
    speaker: str | None = None
    position: int = 0
    strength: float = 1.0
    last_recalled_at: datetime | None = None
    recall_count: int = 0
    recalls: tuple[RecallEvent, ...] = ()
    state: State = State.ACTIVE
    state_changed_at: datetime | None = None
    expires_at: datetime | None = None
    version: int = 1
    version_of: str | None = None
    sources: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said_at_local(self) -> datetime:
        """`said_at` by the clock of who said it, as far as the timestamp told its offset."""
        offset = self.metadata.get(UTC_OFFSET)
        if not isinstance(offset, int) or not -1440 < offset < 1440:
            return self.said_at
        return self.said_at.astimezone(timezone(timedelta(minutes=offset)))

    @property
    def day_first(self) -> bool:
        """Whether its author writes the day first in a date such as 3/4/2024."""
        return self.metadata.get(MONTH_FIRST) is not True

    def __post_init__(self) -> None:
        # Runs for every row that is read, so the common case calls no other function.
        if not self.text.strip():
            raise EmptyTextError("text must not be empty")
        for name in ("text", "id", "session_id"):
            value = getattr(self, name)
            if not (value.isascii() or is_unicode(value)):
                raise InvalidInputError(f"{name} must not contain lone surrogates")
        if not self.id or not self.session_id:
            raise InvalidInputError("id and session_id must be non-empty strings")
        if not (math.isfinite(self.strength) and self.strength > 0):
            raise InvalidInputError(f"strength must be finite and > 0 days, not {self.strength}")
        for name in DATETIME_FIELDS:
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is not UTC:
                object.__setattr__(self, name, require_aware(moment, name))

    @property
    def text_with_speaker(self) -> str:
        """The text, prefixed with the speaker's name if there is one."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text

    @property
    def spoken(self) -> str:
        """Deprecated name of `text_with_speaker`."""
        warnings.warn("spoken is now text_with_speaker", DeprecationWarning, stacklevel=2)
        return self.text_with_speaker

    def __hash__(self) -> int:
        return hash((self.scope, self.id, self.version))
