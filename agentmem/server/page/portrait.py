"""The portrait: lines of the profile joined with the facts and turns behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentmem.facts.views import Fact
from agentmem.profile import ProfileLine
from agentmem.server.page.views import MemoryView, Moment, Presenter, fact_label
from agentmem_stores import State

__all__ = ["FactView", "LineView", "Portrait", "Section", "portrait"]

# Sources shown for each line: a topic has hundreds.
MAX_SOURCES = 12

_TITLES: Mapping[str, str] = {
    "person": "Person",
    "work": "Work",
    "places": "Places",
    "people": "People and animals",
    "preferences": "Preferences",
    "pursuits": "Pursuits",
    "routines": "Routines",
    "things": "Things",
    "health": "Health",
    "contact": "Contact",
    "other": "Other",
    "topics": "Talks about",
}


@dataclass(frozen=True)
class FactView:
    """A fact of the table.

    Attributes:
        label: what of whom it tells, such as "home" or "sister Clara: job".
        until: since when it no longer holds; None while it does.
        sources: the turns that tell it.
    """

    memory: MemoryView
    label: str
    value: str
    since: Moment
    until: Moment | None
    edited: bool
    contradicted: bool
    sources: tuple[MemoryView, ...]


@dataclass(frozen=True)
class LineView:
    """A line of the profile.

    Attributes:
        label: what a fact tells; empty for topics.
        sources: the first turns that tell it.
        n_sources: how many turns tell it.
    """

    id: str
    label: str
    value: str
    retention: float
    pinned: bool
    sources: tuple[MemoryView, ...]
    n_sources: int
    is_fact: bool


@dataclass(frozen=True)
class Section:
    """Lines of one kind."""

    title: str
    lines: tuple[LineView, ...]


@dataclass(frozen=True)
class Portrait:
    """Everything that the portrait shows: the profile, and all facts, past ones last."""

    sections: tuple[Section, ...]
    current: tuple[FactView, ...]
    past: tuple[FactView, ...]


def portrait(
    lines: Sequence[ProfileLine],
    facts: Sequence[Fact],
    turns: Mapping[str, MemoryView],
    presenter: Presenter,
) -> Portrait:
    """Join lines, facts and the turns that tell them, by id."""
    views = [_fact(fact, turns, presenter) for fact in facts]
    by_id = {view.memory.id: view for view in views}
    sections: dict[str, list[LineView]] = {}
    for line in lines:
        title = _TITLES.get(line.section, line.section.capitalize())
        sections.setdefault(title, []).append(_line(line, by_id.get(line.id), turns))
    superseded = {fact.id for fact in facts if fact.memory.state is State.SUPERSEDED}
    return Portrait(
        tuple(Section(title, tuple(rows)) for title, rows in sections.items()),
        tuple(view for view in views if view.memory.id not in superseded),
        tuple(view for view in views if view.memory.id in superseded),
    )


def _fact(fact: Fact, turns: Mapping[str, MemoryView], presenter: Presenter) -> FactView:
    label = fact_label(fact.subject, fact.attribute)
    return FactView(
        memory=presenter.memory(fact.memory),
        label=label,
        value=fact.value.removeprefix(f"{label}: "),
        since=presenter.moment(fact.date),
        until=None if fact.until is None else presenter.moment(fact.until),
        edited=fact.edited,
        contradicted=bool(fact.contradicts),
        sources=_sources(fact.memory.sources, turns),
    )


def _line(line: ProfileLine, fact: FactView | None, turns: Mapping[str, MemoryView]) -> LineView:
    return LineView(
        id=line.id,
        label="" if fact is None else fact.label,
        value=line.text.removeprefix("talks of: ") if fact is None else fact.value,
        retention=line.retention,
        pinned=line.pinned,
        sources=_sources(line.sources, turns),
        n_sources=len(line.sources),
        is_fact=fact is not None,
    )


def _sources(ids: Sequence[str], turns: Mapping[str, MemoryView]) -> tuple[MemoryView, ...]:
    return tuple(turns[i] for i in ids[:MAX_SOURCES] if i in turns)
