"""What is remembered: a memory, its owner and its links. All records are immutable."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from agentmem_stores.errors import (
    EmptyTextError,
    InvalidInputError,
    InvalidScopeError,
    NaiveDatetimeError,
)

__all__ = ["Edge", "Granularity", "Memory", "Scope", "State", "require_aware"]

MAX_NAME = 512

# The fields of a memory that are points in time.
MOMENTS = ("said_at", "written_at", "last_recalled_at", "state_changed_at", "expires_at")


class Granularity(StrEnum):
    """How much of what was said one memory holds.

    The first four are a conversation's own (MemGAS, section 3.1). The others are made of many
    conversations by consolidating: what is about the same, and what was said on one day. Plans
    are ways of doing something that an agent has tried. A fact is what a turn says of somebody:
    one attribute and its value. Citations say which memories were of use; they are nothing that
    is remembered for its own sake, and their text says nothing.
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
        """Whether such a memory is of one conversation, and is found through its turns."""
        return self in _OF_SESSION


_OF_SESSION = frozenset(
    [Granularity.TURN, Granularity.SESSION, Granularity.SUMMARY, Granularity.KEYWORDS]
)


class State(StrEnum):
    """Where a memory is in its life (after MemOS's MemCube)."""

    ACTIVE = "active"
    SUPERSEDED = "superseded"
    ARCHIVED = "archived"


def require_aware(moment: datetime, name: str) -> datetime:
    """Return `moment` in UTC.

    Raises:
        NaiveDatetimeError: it has no time zone, so it names no point in time.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise NaiveDatetimeError(
            f"{name}={moment.isoformat()} has no time zone; "
            "pass an aware datetime, such as datetime.now(timezone.utc)"
        )
    return moment.astimezone(UTC)


def is_unicode(text: str) -> bool:
    """Tell whether a text holds no lone surrogates, which nothing outside Python can store."""
    return text.isascii() or not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def _require_name(value: object, name: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidScopeError(f"{name} must be a non-empty string, not {value!r}; name one owner")
    if value == "*":
        raise InvalidScopeError(f"{name}='*' is no owner; there are no wildcards, name one owner")
    if len(value) > MAX_NAME:
        raise InvalidScopeError(f"{name} has {len(value)} characters; at most {MAX_NAME} are taken")
    if any(ord(c) < 32 for c in value) or not is_unicode(value):
        raise InvalidScopeError(f"{name}={value!r} holds control characters or lone surrogates")


@dataclass(frozen=True)
class Scope:
    """Exactly one owner of memories: a user, or one agent's memories of a user.

    Names are compared exactly, code point by code point; nothing is normalised or trimmed.

    Raises:
        InvalidScopeError: a name is empty, `*`, longer than 512 characters or holds control
            characters.
    """

    user_id: str
    agent_id: str | None = None

    def __post_init__(self) -> None:
        _require_name(self.user_id, "user_id")
        if self.agent_id is not None:
            _require_name(self.agent_id, "agent_id")

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that name this owner in ids and partitions."""
        # The length keeps ("ab", "c") and ("a", "bc") apart; None differs from any string.
        agent = "-" if self.agent_id is None else f"+{self.agent_id}"
        raw = f"{len(self.user_id)}:{self.user_id}{agent}"
        return hashlib.sha256(raw.encode()).hexdigest()[:32]

    def __str__(self) -> str:
        return self.user_id if self.agent_id is None else f"{self.user_id}/{self.agent_id}"


@dataclass(frozen=True, slots=True)
class Edge:
    """An association with an older memory of the same scope; `weight` in (0, 1]."""

    target: str
    weight: float


@dataclass(frozen=True)
class Memory:
    """One thing remembered. `dataclasses.replace` makes a changed copy.

    Attributes:
        id: unique within the scope.
        text: what is remembered, word for word for turns.
        role: who spoke in the conversation's terms: `user`, `assistant`, `tool`, `system`.
        speaker: the speaker's name where the conversation gives one.
        session_id: the conversation it belongs to.
        position: place in the session, counted from 0 (for a passage: of its first turn).
        said_at: when it was said, UTC.
        written_at: when it was written into the store, UTC.
        strength: S in R = exp(-t/S), in days.
        last_recalled_at: the last recall, UTC; None when never recalled.
        recall_count: how often it was recalled.
        state: active, superseded or archived.
        state_changed_at: since when it is in a state other than active, UTC.
        expires_at: from when on no search finds it, UTC; None for never.
        version: counted from 1; grows with every update of the text.
        version_of: for a former version of a memory, the id of that memory; else None.
        sources: ids that it was derived from.
        edges: associations, each stored with the newer of its two memories.
        metadata: anything JSON can hold.

    Raises:
        EmptyTextError: the text is empty or only white space.
        NaiveDatetimeError: a time has no time zone.
        InvalidInputError: any other field is out of range.
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
    state: State = State.ACTIVE
    state_changed_at: datetime | None = None
    expires_at: datetime | None = None
    version: int = 1
    version_of: str | None = None
    sources: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise EmptyTextError("text is empty; there is nothing to remember")
        for name in ("text", "id", "session_id"):
            if not is_unicode(getattr(self, name)):
                raise InvalidInputError(f"{name} holds lone surrogates, which are no characters")
        if not self.id or not self.session_id:
            raise InvalidInputError("id and session_id must be non-empty strings")
        if not (math.isfinite(self.strength) and self.strength > 0):
            raise InvalidInputError(f"strength={self.strength} must be finite and above 0 days")
        for name in MOMENTS:
            moment = getattr(self, name)
            if moment is not None:
                object.__setattr__(self, name, require_aware(moment, name))

    @property
    def text_with_speaker(self) -> str:
        """The text with the speaker's name before it, where there is one."""
        return f"{self.speaker}: {self.text}" if self.speaker else self.text

    def __hash__(self) -> int:
        return hash((self.scope, self.id, self.version))
