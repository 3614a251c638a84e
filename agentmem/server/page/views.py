"""What the templates show: memories, moments and shares in the words of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from urllib.parse import urlencode

from agentmem.controller.timeline import Event
from agentmem.provenance import Trust, client_of, trust_of
from agentmem.recall.context import Context, Form, RecallRouting
from agentmem_retrievers import ForgettingCurve
from agentmem_retrievers.forgetting import is_pinned
from agentmem_retrievers.index.fact_index import SELF, FactRecord
from agentmem_retrievers.text.tokenize import tokenize
from agentmem_stores import Granularity, Memory, Scope, State

__all__ = [
    "FAINT",
    "BudgetSegment",
    "MemoryView",
    "Moment",
    "Month",
    "Presenter",
    "TextPart",
    "budget_segments",
    "fact_label",
    "fact_line",
    "form_name",
    "highlighted",
    "kind_name",
    "months",
    "percent",
    "routing_sentence",
]

# What the page calls each granularity: one of it, and several.
_KINDS: Mapping[Granularity, tuple[str, str]] = {
    Granularity.TURN: ("message", "messages"),
    Granularity.SESSION: ("passage", "passages"),
    Granularity.SUMMARY: ("summary", "summaries"),
    Granularity.KEYWORDS: ("list of keywords", "lists of keywords"),
    Granularity.TOPIC: ("topic", "topics"),
    Granularity.DAY: ("day", "days"),
    Granularity.PLAN: ("plan", "plans"),
    Granularity.FACT: ("fact", "facts"),
    Granularity.CITATION: ("citation", "citations"),
}
_SPEAKERS = {"user": "You", "assistant": "Assistant", "tool": "Tool", "system": "System"}
# Retention from which on a memory is called fresh, and below which faint.
_FRESH, FAINT = 0.6, 0.2
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


@dataclass(frozen=True)
class Moment:
    """A point in time in the owner's time zone.

    Attributes:
        iso: for the `datetime` attribute.
        date: "20 Nov 2026".
        full: "Friday, 20 November 2026, 18:30".
        relative: "3 days ago".
    """

    iso: str
    date: str
    full: str
    relative: str


@dataclass(frozen=True)
class MemoryView:
    """A memory as the page shows it.

    Attributes:
        retention: R, in [0, 1].
        level: "pinned", "fresh", "fading", "faint", "archived" or "superseded".
        kind: what the page calls its granularity.
        origin: the way by which it came here, such as "mcp claude-code"; empty for what was said
            to the user's own program.
        is_trusted: whether its words are those of the user or the assistant, as far as is known.
    """

    id: str
    text: str
    speaker: str
    kind: str
    session_id: str
    said_at: Moment
    retention: float
    level: str
    recall_count: int
    origin: str
    is_trusted: bool

    @cached_property
    def url(self) -> str:
        """The address of its page."""
        return "/memory?" + urlencode({"id": self.id})

    @property
    def percent(self) -> str:
        """The retention in words."""
        return percent(self.retention)


@dataclass(frozen=True)
class Presenter:
    """Turns records into what the page shows, for one owner at one time."""

    owner: Scope
    curve: ForgettingCurve
    now: datetime

    def moment(self, at: datetime) -> Moment:
        """Return a point in time in the words of the page."""
        local = self.owner.localize(at)
        return Moment(
            iso=at.isoformat(),
            date=f"{local.day} {local:%b %Y}",
            full=f"{local:%A}, {local.day} {local:%B %Y, %H:%M}",
            relative=relative_time(at, self.now),
        )

    def memory(self, memory: Memory) -> MemoryView:
        """Return one memory."""
        retention = self.curve.retention_of(memory, self.now)
        is_trusted = trust_of(memory).level >= Trust.ASSISTANT.level
        return MemoryView(
            id=memory.id,
            text=fact_line(memory) or memory.text,
            speaker=memory.speaker or _SPEAKERS.get(memory.role, memory.role),
            kind=kind_name(memory.granularity),
            session_id=memory.session_id,
            said_at=self.moment(memory.said_at),
            retention=retention,
            level=_level(memory, retention),
            recall_count=memory.recall_count,
            origin=client_of(memory) or ("" if is_trusted else "from outside"),
            is_trusted=is_trusted,
        )

    def memories(self, memories: Sequence[Memory]) -> list[MemoryView]:
        """Return several memories."""
        return [self.memory(memory) for memory in memories]


def kind_name(granularity: Granularity, count: int = 1) -> str:
    """Return the page's name for one or several memories of a granularity.

    >>> kind_name(Granularity.SUMMARY, 2)
    'summaries'
    """
    return _KINDS[granularity][count != 1]


def fact_line(memory: Memory, value: str | None = None) -> str:
    """Return a fact as one line, such as "home: Porto"; empty if the memory is no fact.

    Args:
        value: another value than the one that it states. A text that was edited is shown
            as it is.
    """
    record = FactRecord.of(memory)
    if record is None:
        return ""
    if value is None:
        if memory.version > 1:
            return memory.text
        value = record.value
    return f"{fact_label(record.subject, record.attribute)}: {value}"


def fact_label(subject: str, attribute: str) -> str:
    """Return what a fact tells of whom, such as "home" or "sister Clara, job"."""
    return attribute if subject == SELF else f"{subject}, {attribute}"


def _level(memory: Memory, retention: float) -> str:
    if memory.state is not State.ACTIVE:
        return memory.state.value
    if is_pinned(memory):
        return "pinned"
    if retention >= _FRESH:
        return "fresh"
    return "fading" if retention >= FAINT else "faint"


def percent(share: float) -> str:
    """Return a share of 1 as a percentage that is not rounded to nothing.

    >>> percent(0.864), percent(0.0004), percent(0.0)
    ('86%', '<1%', '0%')
    """
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def relative_time(at: datetime, now: datetime) -> str:
    """Return how long ago something was, or in how long it will be.

    >>> from datetime import UTC, timedelta
    >>> now = datetime(2026, 11, 20, tzinfo=UTC)
    >>> relative_time(now - timedelta(days=3), now), relative_time(now + timedelta(days=1), now)
    ('3 days ago', 'in 1 day')
    """
    seconds = (now - at).total_seconds()
    for unit, length in (
        ("year", 365.25 * 86400),
        ("month", 30.44 * 86400),
        ("day", 86400.0),
        ("hour", 3600.0),
        ("minute", 60.0),
    ):
        count = int(abs(seconds) / length)
        if count:
            span = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return "just now"


@dataclass(frozen=True)
class TextPart:
    """A part of a text, and whether a word of the query is in it."""

    text: str
    marked: bool


def highlighted(text: str, query: str) -> list[TextPart]:
    """Split a text where words of a query begin and end, compared by their stems.

    >>> [piece.text for piece in highlighted("Two dogs bark.", "my dog") if piece.marked]
    ['dogs']
    """
    wanted = set(tokenize(query))
    pieces: list[TextPart] = []
    end = 0
    for word in _WORD.finditer(text):
        if wanted.intersection(tokenize(word.group())):
            pieces += [TextPart(text[end : word.start()], False), TextPart(word.group(), True)]
            end = word.end()
    return [piece for piece in (*pieces, TextPart(text[end:], False)) if piece.text]


@dataclass(frozen=True)
class Month:
    """The events of a month, in order."""

    title: str
    events: tuple[Event, ...]


def months(events: Sequence[Event], owner: Scope) -> Iterator[Month]:
    """Group events by the month in which they happened."""
    for title, group in groupby(events, key=lambda e: f"{owner.localize(e.when):%B %Y}"):
        yield Month(title, tuple(group))


def routing_sentence(routing: RecallRouting) -> str:
    """Return what the router decided, with the words of the page."""
    return f"This is {routing}.".replace(" turns", " messages").replace(" turn", " message")


def form_name(form: Form) -> str:
    """Return what the page calls the form of an item."""
    return "message" if form is Form.TURN else form.value


@dataclass(frozen=True)
class BudgetSegment:
    """A part of a token budget.

    Attributes:
        form: what it was spent on; "unused" for the rest.
        name: what the page calls it.
        x, width: where it lies in the bar, in percent.
    """

    form: str
    name: str
    tokens: int
    items: int
    x: float
    width: float


def budget_segments(context: Context, max_tokens: int) -> list[BudgetSegment]:
    """Return what a budget was spent on, the largest part first, and what is left of it.

    A line break between two lines belongs to neither, so the parts are scaled to the total.
    """
    spent: dict[Form, list[int]] = {}
    for item in context.items:
        spent.setdefault(item.form, []).append(item.tokens)
    total = sum(map(sum, spent.values()))
    scale = 100 * context.tokens / max_tokens / total if total else 0.0
    segments: list[BudgetSegment] = []
    x = 0.0
    for form, tokens in sorted(spent.items(), key=lambda part: -sum(part[1])):
        width = scale * sum(tokens)
        place = (round(x, 3), round(width, 3))
        name = form_name(form)
        segments.append(BudgetSegment(form.value, name, sum(tokens), len(tokens), *place))
        x += width
    unused = max_tokens - context.tokens
    place = (round(x, 3), round(100 - x, 3))
    return [*segments, BudgetSegment("unused", "unused", unused, 0, *place)]
